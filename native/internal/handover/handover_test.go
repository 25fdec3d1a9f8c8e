// SPDX-License-Identifier: Apache-2.0

package handover

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// child is this test as the program that hands over, and then as the one that it becomes.
const child = "MESHGATE_HANDOVER_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "hand over":
		handOver()
	case "take over":
		takeOver()
	default:
		os.Exit(m.Run())
	}
}

func handOver() {
	var addresses []netip.AddrPort
	for _, text := range os.Args[1:] {
		addresses = append(addresses, netip.MustParseAddrPort(text))
	}
	sockets, err := Listen(addresses)
	if err != nil {
		fmt.Print(err)
		return
	}
	_ = os.Setenv(child, "take over")
	// What an earlier hand-over left behind is for somebody else.
	_ = os.Setenv("LISTEN_PID", "1")
	fmt.Print(Become([]string{"/proc/self/exe"}, sockets))
}

func takeOver() {
	if os.Getenv("LISTEN_PID") != fmt.Sprint(os.Getpid()) {
		fmt.Print("LISTEN_PID is of another process")
	}
	for i := range os.Getenv("LISTEN_FDS")[0] - '0' {
		listener, err := net.FileListener(os.NewFile(uintptr(first+i), "socket"))
		if err != nil {
			fmt.Print(err)
			return
		}
		fmt.Println(listener.Addr())
	}
}

func run(t *testing.T, arguments ...string) string {
	t.Helper()
	command := exec.Command("/proc/self/exe", arguments...)
	command.Env = append(os.Environ(), child+"=hand over")
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}

func TestTheNextProgramFindsTheSocketsInOrder(t *testing.T) {
	port := freePort(t)
	addresses := []string{fmt.Sprintf("[::1]:%d", port), fmt.Sprintf("127.0.0.1:%d", port)}
	if got := run(t, addresses...); got != strings.Join(addresses, "\n") {
		t.Errorf("got %q, want %q", got, addresses)
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	want := fmt.Sprintf("cannot listen on TCP 127.0.0.1 port %d: address already in use", port)
	if got := run(t, taken.Addr().String()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	free, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().(*net.TCPAddr).Port
}
