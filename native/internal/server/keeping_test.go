// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// changing is an engine to which everything is new.
type changing struct{ still }

func (changing) Apply(*protocol.Desired) (protocol.Applied, *protocol.Fault) {
	return protocol.Applied{Generation: 1, Changed: []string{"device create"}}, nil
}

// full is a disk without room, until there is some.
type full struct {
	hasRoom atomic.Bool
	kept    atomic.Value
}

func (f *full) Save(document []byte) error {
	if !f.hasRoom.Load() {
		return syscall.ENOSPC
	}
	f.kept.Store(string(document))
	return nil
}

func (f *full) Remove() error { return syscall.EROFS }

// lines are those of a log, each once it is written.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func (l lines) await(t *testing.T, words string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, words) {
				return
			}
		case <-deadline:
			t.Fatalf("the log never said %q", words)
		}
	}
}

func TestAFullDiskKeepsNobodyFromWhatIsApplied(t *testing.T) {
	key := func(of byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{of}, protocol.KeySize))
	}
	device := fmt.Sprintf(`{"name":"meshgate0","mtu":1280,"listenPort":0,"privateKey":"%s","probeKey":"%s",`+
		`"addresses":["10.7.0.1/16"],"stunServer":false,"relay":false}`, key(1), key(2))
	apply := func(device string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"apply","params":{"desired":{"device":` + device + `,"routes":[],"peers":[]}}}`
	}
	said, disk := make(lines, 16), &full{}
	server := New(slog.New(slog.NewTextHandler(said, nil)), protocol.Hello{Protocol: 1}, nil, disk)
	a := connect(t, serveAs(t, server, changing{}))
	a.say(hello)
	a.expectResult()
	for _, one := range []string{device, "null"} {
		a.say(apply(one))
		a.expectResult()
	}
	for _, words := range []string{"not kept", "stays"} {
		said.await(t, words)
	}
	if kept := disk.kept.Load(); kept != nil {
		t.Errorf("kept %s", kept)
	}
	disk.hasRoom.Store(true)
	a.say(apply(device))
	a.expectResult()
	if kept, _ := disk.kept.Load().(string); !strings.Contains(kept, "meshgate0") {
		t.Errorf("kept %q once there was room", kept)
	}
}
