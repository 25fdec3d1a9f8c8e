// SPDX-License-Identifier: Apache-2.0

package echo

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

// repliesPerSecond bounds what the members together can make us send.
const repliesPerSecond = 1_000

// An Inbox takes what the sockets hear. WireGuard has authenticated the addresses.
type Inbox interface {
	// EchoReplied takes the id of a reply.
	EchoReplied(from netip.Addr, id uint64)
	// EchoCarried takes the size of every frame, in and out, as WireGuard counts it.
	EchoCarried(peer netip.Addr, bytes uint64)
}

// Sockets are those on the mesh addresses.
type Sockets struct {
	inbox   Inbox
	limiter *rate.Limiter
	ipv4    *net.UDPConn
	ipv6    *net.UDPConn
	all     []*net.UDPConn
	readers sync.WaitGroup
}

// Open binds one socket to each address of the device, and to the device itself, so that nothing of
// it can leave or enter outside of the mesh.
func Open(device string, addresses []netip.Addr, inbox Inbox) (*Sockets, error) {
	sockets := &Sockets{inbox: inbox, limiter: rate.NewLimiter(repliesPerSecond, repliesPerSecond)}
	for _, address := range addresses {
		socket, err := listen(device, address)
		if err != nil {
			return nil, errors.Join(err, sockets.Close())
		}
		sockets.all = append(sockets.all, socket)
		if address.Is4() && sockets.ipv4 == nil {
			sockets.ipv4 = socket
		}
		if address.Is6() && sockets.ipv6 == nil {
			sockets.ipv6 = socket
		}
		sockets.readers.Go(func() { sockets.read(socket) })
	}
	return sockets, nil
}

func listen(device string, address netip.Addr) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(network, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = prepare(int(fd), network, device) })
		return errors.Join(err, failed)
	}}
	network := "udp4"
	if address.Is6() {
		network = "udp6"
	}
	host := net.JoinHostPort(address.String(), strconv.Itoa(Port))
	socket, err := config.ListenPacket(context.Background(), network, host)
	if err != nil {
		return nil, err
	}
	return socket.(*net.UDPConn), nil
}

// prepare forbids fragments, so that an echo of a size proves that size.
func prepare(fd int, network, device string) error {
	level, option, value := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE
	if network == "udp6" {
		level, option, value = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE
	}
	return errors.Join(
		unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, device),
		unix.SetsockoptInt(fd, level, option, value),
	)
}

var errNoAddress = errors.New("the device has no address of the peer's family")

// Send asks the member at an address.
func (sockets *Sockets) Send(to netip.Addr, id uint64, size int) error {
	socket := sockets.ipv4
	if to.Is6() {
		socket = sockets.ipv6
	}
	if socket == nil {
		return errNoAddress
	}
	return sockets.write(socket, newRequest(id, size), netip.AddrPortFrom(to, Port))
}

func (sockets *Sockets) write(socket *net.UDPConn, frame []byte, to netip.AddrPort) error {
	if _, err := socket.WriteToUDPAddrPort(frame, to); err != nil {
		return err
	}
	sockets.inbox.EchoCarried(to.Addr(), CarriedSize(len(frame), to.Addr().Is6()))
	return nil
}

func (sockets *Sockets) read(socket *net.UDPConn) {
	buffer := make([]byte, 1<<16)
	for {
		size, from, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
		sockets.receive(socket, buffer[:size], from)
	}
}

func (sockets *Sockets) receive(socket *net.UDPConn, frame []byte, from netip.AddrPort) {
	kind, id, ok := parse(frame)
	if !ok {
		return
	}
	sockets.inbox.EchoCarried(from.Addr(), CarriedSize(len(frame), from.Addr().Is6()))
	if kind == reply {
		sockets.inbox.EchoReplied(from.Addr(), id)
		return
	}
	if sockets.limiter.Allow() {
		intoReply(frame)
		// A reply that cannot be sent is a reply lost, which is what the other side measures.
		_ = sockets.write(socket, frame, from)
	}
}

// Close closes the sockets and waits for their readers.
func (sockets *Sockets) Close() error {
	var failed error
	for _, socket := range sockets.all {
		failed = errors.Join(failed, socket.Close())
	}
	sockets.readers.Wait()
	return failed
}
