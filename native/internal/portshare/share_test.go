// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/nstest"
)

const (
	portWireGuard = 41820
	portSocket    = 40001
	portPeer      = 5000
)

// A site is a host with the share, with a plain socket in WireGuard's place, and a host that speaks to it.
type site struct {
	share                   *Share
	wireguard, socket, peer *net.UDPConn
}

var (
	hostAddresses = []string{"192.0.2.1", "fd00::1"}
	peerAddresses = []string{"192.0.2.2", "fd00::2"}
)

func TestMain(m *testing.M) { nstest.Main(m) }

func newSite(t *testing.T) *site {
	t.Helper()
	nstest.Need(t)
	// The thread is not unlocked, so that it ends with the test and takes the peer's namespace along.
	runtime.LockOSThread()
	host := here(t)
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	peer := here(t)
	enter(t, host)
	nstest.Run(t, "ip link set lo up && ip link add w type veth peer name w netns %s", peer.Name())
	t.Cleanup(func() { nstest.Run(t, "ip link del w") })
	for number, namespace := range []*os.File{host, peer} {
		nstest.Run(t, "nsenter --net=%s sh -c 'ip addr add 192.0.2.%d/24 dev w && ip addr add fd00::%[2]d/64 dev w nodad && ip link set w up'",
			namespace.Name(), number+1)
	}
	s := &site{wireguard: listen(t, portWireGuard), socket: listen(t, portSocket)}
	var err error
	log := slog.New(slog.DiscardHandler)
	if s.share, err = Open("test", Ports{portWireGuard, portSocket}, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.share.Close(); err != nil {
			t.Error(err)
		}
	})
	enter(t, peer)
	s.peer = listen(t, portPeer)
	enter(t, host)
	return s
}

// here is the namespace of the thread; the file's name lets others find it.
func here(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func enter(t *testing.T, namespace *os.File) {
	t.Helper()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T, port int) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

func endpointOf(address string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(address), port)
}

// sends makes one socket say something, and gives what another hears of it, and from where.
func sends(t *testing.T, from *net.UDPConn, to netip.AddrPort, datagram []byte, at *net.UDPConn) (heard []byte, source netip.AddrPort) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort(datagram, to); err != nil {
		t.Fatal(err)
	}
	_ = at.SetReadDeadline(time.Now().Add(2 * time.Second))
	buffer := make([]byte, 100)
	size, source, err := at.ReadFromUDPAddrPort(buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, netip.AddrPort{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:size], netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
}

var (
	transportMessage = append([]byte{4, 0, 0, 0}, make([]byte, 28)...)
	initiation       = append([]byte{1, 0, 0, 0}, make([]byte, 60)...)
	probeFrame       = []byte{0x6d, 0x67, 0x70, 0x01, 9}
)

func TestOnlyWireGuardsPacketsFromStraightEndpointsAreTheKernels(t *testing.T) {
	s := newSite(t)
	for i, host := range hostAddresses {
		to, straight := endpointOf(host, portWireGuard), endpointOf(peerAddresses[i], portPeer)
		for _, datagram := range [][]byte{probeFrame, transportMessage, initiation, {4, 0, 0, 1, 0}} {
			if heard, source := sends(t, s.peer, to, datagram, s.socket); string(heard) != string(datagram) || source != straight {
				t.Errorf("%x from %v reaches the socket as %x from %v", datagram, straight, heard, source)
			}
		}
		if err := s.share.Straighten(nil, []netip.AddrPort{straight}); err != nil {
			t.Fatal(err)
		}
		for _, datagram := range [][]byte{transportMessage, transportMessage, initiation} {
			if heard, _ := sends(t, s.peer, to, datagram, s.wireguard); string(heard) != string(datagram) {
				t.Errorf("%x from a straight endpoint does not reach the kernel", datagram)
			}
		}
		if heard, _ := sends(t, s.peer, to, probeFrame, s.socket); heard == nil {
			t.Error("a probe from a straight endpoint does not reach the socket")
		}
		for _, from := range []*net.UDPConn{s.socket, s.wireguard} {
			if _, source := sends(t, from, straight, transportMessage, s.peer); source != to {
				t.Errorf("the peer sees %v, not %v", source, to)
			}
		}
		// What the socket sends it has counted itself.
		if counts, err := s.share.Count(straight); err != nil || counts != (Counts{TransportIn: 2, HandshakesIn: 1, TransportOut: 1}) {
			t.Errorf("counted %+v, %v", counts, err)
		}
		if err := s.share.Straighten([]netip.AddrPort{straight}, nil); err != nil {
			t.Fatal(err)
		}
		if heard, _ := sends(t, s.peer, to, transportMessage, s.socket); heard == nil {
			t.Error("an endpoint that is not straight any more still reaches the kernel")
		}
		if counts, err := s.share.Count(straight); err != nil || counts != (Counts{}) {
			t.Errorf("of an endpoint that is not straight any more is counted %+v, %v", counts, err)
		}
	}
}

func TestRulesThatSomebodyFlushesAreBackAtOnce(t *testing.T) {
	s := newSite(t)
	to, straight := endpointOf(hostAddresses[0], portWireGuard), endpointOf(peerAddresses[0], portPeer)
	if err := s.share.Straighten(nil, []netip.AddrPort{straight}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		nstest.Run(t, "nft flush ruleset")
		for deadline := time.Now().Add(5 * time.Second); !strings.Contains(nstest.Run(t, "nft list ruleset"), "sort"); {
			if time.Now().After(deadline) {
				t.Fatal("the rules are not back")
			}
		}
		if heard, _ := sends(t, s.peer, to, probeFrame, s.socket); heard == nil {
			t.Error("a probe does not reach the socket")
		}
		if heard, _ := sends(t, s.peer, to, transportMessage, s.wireguard); heard == nil {
			t.Error("the straight endpoint is forgotten")
		}
	}
}

// BenchmarkCount is what a probe costs beyond its own datagram.
func BenchmarkCount(b *testing.B) {
	share, err := Open("bench", Ports{portWireGuard, portSocket}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = share.Close() }()
	straight := endpointOf(peerAddresses[0], portPeer)
	if err := share.Straighten(nil, []netip.AddrPort{straight}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := share.Count(straight); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhatComesToAnAddressThatIsApartIsTheSockets(t *testing.T) {
	s := newSite(t)
	nstest.Run(t, "ip addr add 192.0.2.3/24 dev w && ip addr add fd00::3/64 dev w nodad")
	apart := []netip.Addr{netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("fd00::3")}
	for i, host := range hostAddresses {
		to, straight := endpointOf(host, portWireGuard), endpointOf(peerAddresses[i], portPeer)
		toApart := netip.AddrPortFrom(apart[i], portWireGuard)
		if err := errors.Join(s.share.Straighten(nil, []netip.AddrPort{straight}), s.share.SetApart(apart)); err != nil {
			t.Fatal(err)
		}
		for address, at := range map[netip.AddrPort]*net.UDPConn{to: s.wireguard, toApart: s.socket} {
			if heard, source := sends(t, s.peer, address, transportMessage, at); heard == nil || source != straight {
				t.Errorf("what is sent to %v does not come where it should", address)
			}
		}
		if counts, err := s.share.Count(straight); err != nil || counts.TransportIn != 1 {
			t.Errorf("counted %+v, %v", counts, err)
		}
		if err := s.share.SetApart(nil); err != nil {
			t.Fatal(err)
		}
		if heard, _ := sends(t, s.peer, toApart, transportMessage, s.wireguard); heard == nil {
			t.Errorf("what is sent to %v, which is not apart any more, does not reach the kernel", toApart)
		}
	}
}
