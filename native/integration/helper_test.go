// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A helper is a running process.
type helper struct {
	command *exec.Cmd
	socket  string
	log     *logBuffer
}

// logBuffer hides the buffer's other methods, which take no lock.
type logBuffer struct {
	sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(text []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.buffer.Write(text)
}

func (b *logBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.buffer.String()
}

// start waits until the helper listens.
func start(t *testing.T, n namespace, socket string) *helper {
	t.Helper()
	return startOn(t, n, socket, engine)
}

// startOn is for meshes of both engines.
func startOn(t *testing.T, n namespace, socket, engine string) *helper {
	t.Helper()
	return startWith(t, socket, "ip", "netns", "exec", string(n), binary, "--engine", engine, "--log-level", level, "--socket", socket)
}

func startWith(t *testing.T, socket string, command ...string) *helper {
	t.Helper()
	h := &helper{command: exec.Command(command[0], command[1:]...), socket: socket, log: &logBuffer{}}
	h.command.Stderr = h.log
	if err := h.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if h.command.ProcessState == nil {
			h.stop(t)
		}
		if t.Failed() {
			t.Logf("the helper's log:\n%s", h.log)
		}
	})
	until(t, "the helper listens", func() bool { return strings.Contains(h.log.String(), `"msg":"listening"`) })
	return h
}

func (h *helper) stop(t *testing.T) {
	t.Helper()
	_ = h.command.Process.Signal(syscall.SIGTERM)
	if err := h.command.Wait(); err != nil {
		t.Errorf("the helper ends with %v", err)
	}
}

func (h *helper) kill() {
	_ = h.command.Process.Kill()
	_ = h.command.Wait()
}

func newSocket(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "helper.sock")
}

// An agent is a connection that has said hello.
type agent struct {
	t       *testing.T
	socket  net.Conn
	hello   map[string]any
	answers chan message

	mutex  sync.Mutex
	events []message
	count  int
}

type message struct {
	Method string
	Params map[string]any
	Result map[string]any
	Error  *struct {
		Code    int
		Message string
		Data    map[string]any
	}
}

func (h *helper) connect(t *testing.T) *agent {
	t.Helper()
	socket, err := net.Dial("unix", h.socket)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, socket: socket, answers: make(chan message, 1)}
	t.Cleanup(func() {
		_ = socket.Close()
		if t.Failed() {
			a.mutex.Lock()
			defer a.mutex.Unlock()
			for _, event := range a.events {
				t.Logf("%s heard %s %v", h.socket, event.Method, event.Params)
			}
		}
	})
	go a.listen()
	a.hello = a.call("hello", map[string]any{"protocol": 1, "client": "integration test"})
	return a
}

func (a *agent) listen() {
	defer close(a.answers)
	lines := bufio.NewReader(a.socket)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		heard := message{}
		if err := json.Unmarshal(line, &heard); err != nil {
			a.t.Errorf("%s: %v", line, err)
			return
		}
		if heard.Method == "" {
			a.answers <- heard
			continue
		}
		a.mutex.Lock()
		a.events = append(a.events, heard)
		a.mutex.Unlock()
	}
}

func (a *agent) ask(method string, params any) message {
	a.t.Helper()
	a.count++
	line, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": a.count, "method": method, "params": params})
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.socket.Write(append(line, '\n')); err != nil {
		a.t.Fatal(err)
	}
	select {
	case answer, ok := <-a.answers:
		if !ok {
			a.t.Fatalf("the connection ended before %s was answered", method)
		}
		return answer
	case <-time.After(20 * time.Second):
		a.t.Fatalf("no answer to %s", method)
		panic("not reached")
	}
}

func (a *agent) call(method string, params any) map[string]any {
	a.t.Helper()
	answer := a.ask(method, params)
	if answer.Error != nil {
		a.t.Fatalf("%s: %+v", method, *answer.Error)
	}
	return answer.Result
}

func (a *agent) apply(desired object) []any {
	a.t.Helper()
	changed, _ := a.call("apply", object{"desired": desired})["changed"].([]any)
	return changed
}

// expectReason applies and wants the system's refusal.
func (a *agent) expectReason(desired object, reason string) {
	a.t.Helper()
	answer := a.ask("apply", object{"desired": desired})
	if answer.Error == nil || answer.Error.Code != -32011 || answer.Error.Data["reason"] != reason || answer.Error.Data["remedy"] == "" {
		a.t.Errorf("answered %+v, want %s", answer, reason)
	}
}

// await waits for an event that matches, also among those of the past.
func (a *agent) await(method string, matches func(params map[string]any) bool) map[string]any {
	a.t.Helper()
	var found map[string]any
	until(a.t, "event "+method, func() bool {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		for _, event := range a.events {
			if event.Method == method && matches(event.Params) {
				found = event.Params
				return true
			}
		}
		return false
	})
	return found
}

// forget makes await look only at what comes from now on.
func (a *agent) forget() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.events = nil
}

func any1(map[string]any) bool { return true }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
