// SPDX-License-Identifier: Apache-2.0

package meshsocket

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Addresses of the loopback device stand for a mesh's.
var (
	asking    = netip.MustParseAddr("127.0.0.2")
	answering = netip.MustParseAddr("127.0.0.3")
)

const (
	port     = 24_862
	deadline = 5 * time.Second
)

func open(t *testing.T, fragments bool, handle Handler, addresses ...netip.Addr) *Sockets {
	t.Helper()
	sockets, err := Open(Config{Device: "lo", Addresses: addresses, Port: port, Fragments: fragments}, handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sockets.Close() })
	return sockets
}

func ignore(*net.UDPConn, []byte, netip.AddrPort) {}

func TestAnAnswerLeavesByTheSocketThatWasAsked(t *testing.T) {
	type heard struct {
		text string
		from netip.AddrPort
	}
	answers := make(chan heard, 1)
	asker := open(t, false, func(_ *net.UDPConn, datagram []byte, from netip.AddrPort) {
		answers <- heard{string(datagram), from}
	}, asking)
	other := netip.MustParseAddr("127.0.0.4")
	open(t, false, func(socket *net.UDPConn, datagram []byte, from netip.AddrPort) {
		_, _ = socket.WriteToUDPAddrPort(append(datagram, '!'), from)
	}, other, answering)
	to := netip.AddrPortFrom(answering, port)
	if err := asker.Send(to, []byte("there")); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-answers:
		if want := (heard{"there!", to}); got != want {
			t.Errorf("heard %+v, want %+v", got, want)
		}
	case <-time.After(deadline):
		t.Error("nothing was answered")
	}
}

func TestNothingIsSentToAFamilyWithoutAnAddress(t *testing.T) {
	sockets := open(t, false, ignore, asking)
	if err := sockets.Send(netip.MustParseAddrPort("[::1]:9"), []byte("x")); !errors.Is(err, ErrNoAddress) {
		t.Errorf("got %v", err)
	}
}

func TestFragmentsAreMadeOnlyWhereTheyAreAllowed(t *testing.T) {
	for _, c := range []struct {
		fragments bool
		want      int
	}{{false, unix.IP_PMTUDISC_PROBE}, {true, unix.IP_PMTUDISC_DONT}} {
		sockets := open(t, c.fragments, ignore, asking)
		raw, err := sockets.ipv4.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if err := raw.Control(func(fd uintptr) {
			got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER)
		}); err != nil {
			t.Fatal(err)
		}
		if err != nil || got != c.want {
			t.Errorf("fragments %t: %d, %v", c.fragments, got, err)
		}
		if err := sockets.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsOpenIsClosedAgainWhereOneAddressIsNotTheHosts(t *testing.T) {
	strange := netip.MustParseAddr("192.0.2.1")
	if _, err := Open(Config{Device: "lo", Addresses: []netip.Addr{asking, strange}, Port: port}, ignore); err == nil {
		t.Fatal("opened on an address of another host")
	}
	open(t, false, ignore, asking)
}
