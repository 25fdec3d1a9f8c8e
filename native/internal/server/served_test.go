// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

const hello = `{"jsonrpc":"2.0","id":"h","method":"hello","params":{"protocol":1,"client":"test"}}`

func serve(t *testing.T) (*Server, string) { return serveWith(t, still{}) }

func serveWith(t *testing.T, engine Engine) (*Server, string) {
	t.Helper()
	server := New(slog.New(slog.DiscardHandler), protocol.Hello{Protocol: 1}, nil, nil)
	return server, serveAs(t, server, engine)
}

func serveAs(t *testing.T, server *Server, engine Engine) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "helper.sock")
	listener, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = server.Serve(listener, engine); close(done) }()
	t.Cleanup(func() { _ = listener.Close(); <-done; server.Close() })
	return path
}

type agent struct {
	*testing.T
	socket net.Conn
	lines  *bufio.Reader
}

func connect(t *testing.T, path string) *agent {
	t.Helper()
	socket, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return &agent{t, socket, bufio.NewReader(socket)}
}

func (a *agent) say(line string) {
	a.Helper()
	if _, err := io.WriteString(a.socket, line+"\n"); err != nil {
		a.Fatal(err)
	}
}

type heard struct {
	ID     any
	Method string
	Result json.RawMessage
	Error  *protocol.Fault
}

func (a *agent) hear() (message heard, err error) {
	line, err := a.lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &message)
	}
	return message, err
}

func (a *agent) expectCode(code int) {
	a.Helper()
	message, err := a.hear()
	if err != nil || message.Error == nil || message.Error.Code != code {
		a.Errorf("heard %+v, %v, want code %d", message, err, code)
	}
}

func (a *agent) expectResult() {
	a.Helper()
	if message, err := a.hear(); err != nil || message.Error != nil || message.Result == nil {
		a.Errorf("heard %+v, %v, want a result", message, err)
	}
}

func (a *agent) expectEnd() {
	a.Helper()
	// A reset is the end of a connection that had more to say.
	if message, err := a.hear(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		a.Errorf("heard %+v, %v, want the end", message, err)
	}
}
