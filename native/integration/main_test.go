// SPDX-License-Identifier: Apache-2.0

// Package integration runs the built helper in network namespaces of its own and looks at it from
// outside: over its socket, with wg, ip and ping.
package integration

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/nstest"
)

var binary string

// The tests run on the engine that is asked for, with a helper that is built already where there is one:
// scripts/test-kernel runs them in a virtual machine in which nothing can be built.
var (
	engine = cmp.Or(os.Getenv("MESHGATE_ENGINE"), "userspace")
	built  = os.Getenv("MESHGATE_HELPER")
	level  = cmp.Or(os.Getenv("MESHGATE_LOG_LEVEL"), "info")
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(strangerSocket); socket != "" {
		os.Exit(beStranger(socket))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if built != "" {
		binary = built
		return m.Run()
	}
	directory, err := os.MkdirTemp("", "meshgate-helper")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(directory)
	// Others have to get at the binary, too.
	_ = os.Chmod(directory, 0o755)
	binary = filepath.Join(directory, "meshgate-helper")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../cmd/meshgate-helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", text, err)
		return 1
	}
	return m.Run()
}

var (
	needRoot = nstest.Need
	sh       = nstest.Run
)

// patience is three times as long in a virtual machine without KVM.
func patience() time.Duration {
	if built != "" {
		return time.Minute
	}
	return 20 * time.Second
}

// until waits for a condition, not for a time.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience())
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A namespace is gone when its test is.
type namespace string

func newNamespace(t *testing.T, role string) namespace {
	t.Helper()
	name := fmt.Sprintf("mgt%d%s", os.Getpid(), role)
	if exists("/var/run/netns/" + name) {
		// A test may have several meshes.
		return newNamespace(t, role+"x")
	}
	sh(t, "ip netns add %s && ip -n %s link set lo up", name, name)
	t.Cleanup(func() { sh(t, "ip netns del %s", name) })
	return namespace(name)
}

func (n namespace) sh(t *testing.T, format string, args ...any) string {
	t.Helper()
	return sh(t, "ip netns exec %s %s", n, fmt.Sprintf(format, args...))
}

// ping tells whether an answer comes within a second.
func (n namespace) ping(address string) bool {
	return exec.Command("ip", "netns", "exec", string(n), "ping", "-c1", "-W1", address).Run() == nil
}

// wire joins two namespaces by a veth pair with addresses 192.0.2.<net>1 and 2.
func wire(t *testing.T, a, b namespace, number int) {
	t.Helper()
	sh(t, "ip -n %s link add w%d type veth peer name w%d netns %s", a, number, number, b)
	for i, end := range []namespace{a, b} {
		sh(t, "ip -n %s addr add 192.0.%d.%d/24 dev w%d && ip -n %s addr add fd00:%d::%d/64 dev w%d nodad && ip -n %s link set dev w%d up",
			end, number, i+1, number, end, number, i+1, number, end, number)
	}
}

// wireIPv4 is for hosts without the other family.
func wireIPv4(t *testing.T, a, b namespace, number int) {
	t.Helper()
	sh(t, "ip -n %s link add w%d type veth peer name w%d netns %s", a, number, number, b)
	for i, end := range []namespace{a, b} {
		sh(t, "ip -n %s addr add 192.0.%d.%d/24 dev w%d && ip -n %s link set dev w%d up", end, number, i+1, number, end, number)
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("no %q in:\n%s", part, text)
	}
}

// end is where a member listens at one end of a wire.
func end(number, side int) string { return fmt.Sprintf("192.0.%d.%d:41820", number, side) }

// background starts a command; what it gives waits for its end and for what it said.
func (n namespace) background(t *testing.T, format string, args ...any) func() string {
	t.Helper()
	line := fmt.Sprintf("ip netns exec %s %s", n, fmt.Sprintf(format, args...))
	command := exec.Command("sh", "-c", line)
	said := &strings.Builder{}
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		_ = command.Wait()
		return said.String()
	}
}

// shownEndpoint is how wg shows the endpoint of a path that is not straight: the kernel knows of the helper only.
func shownEndpoint(endpoint string) string {
	if engine == "kernel" {
		return "127.64.0."
	}
	return endpoint
}
