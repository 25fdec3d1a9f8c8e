// SPDX-License-Identifier: Apache-2.0

package fwmark

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/nstest"
)

func dial(t *testing.T, mark *Mark) *net.UDPConn {
	t.Helper()
	connection, err := (&net.Dialer{Control: mark.Control}).Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection.(*net.UDPConn)
}

func markOf(t *testing.T, socket syscall.Conn) (value int) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestASocketFollowsTheMarkFromItsDiallingUntilItLeaves(t *testing.T) {
	nstest.Need(t)
	mark := &Mark{}
	early := dial(t, mark)
	leave := mark.Join(early)
	for _, value := range []int{51, 0, 52} {
		if err := mark.Set(uint32(value)); err != nil || markOf(t, early) != value {
			t.Errorf("marked %d, not %d: %v", markOf(t, early), value, err)
		}
	}
	late, missed := dial(t, mark), dial(t, &Mark{})
	defer mark.Join(missed)()
	if markOf(t, late) != 52 || markOf(t, missed) != 52 {
		t.Errorf("later ones are marked %d and %d", markOf(t, late), markOf(t, missed))
	}
	leave()
	if err := mark.Set(53); err != nil || markOf(t, early) != 52 {
		t.Errorf("one that has left is marked %d: %v", markOf(t, early), err)
	}
}

func TestASocketThatIsClosedDoesNotKeepTheOthersFromBeingMarked(t *testing.T) {
	nstest.Need(t)
	mark := &Mark{}
	closed, open := dial(t, mark), dial(t, mark)
	mark.Join(closed)
	mark.Join(open)
	_ = closed.Close()
	if err := mark.Set(51); err == nil || markOf(t, open) != 51 {
		t.Errorf("marked %d, %v", markOf(t, open), err)
	}
}
