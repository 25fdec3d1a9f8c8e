// SPDX-License-Identifier: Apache-2.0

package late

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Port is where every member takes late answers, and where they come from.
const Port = 4863

// An Inbox takes what has come from a member. WireGuard has authenticated its address.
type Inbox interface {
	LateArrived(from netip.Addr, packet []byte)
}

// Sockets are those on the mesh addresses, one of a family.
type Sockets struct {
	inbox   Inbox
	ipv4    *net.UDPConn
	ipv6    *net.UDPConn
	all     []*net.UDPConn
	readers sync.WaitGroup
}

// Open binds them to the device, so that nothing leaves or enters outside of the mesh.
func Open(device string, addresses []netip.Addr, inbox Inbox) (*Sockets, error) {
	sockets := &Sockets{inbox: inbox}
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
	socket, err := config.ListenPacket(context.Background(), network, net.JoinHostPort(address.String(), strconv.Itoa(Port)))
	if err != nil {
		return nil, err
	}
	return socket.(*net.UDPConn), nil
}

// prepare lets the kernel cut what has become too long: a packet that filled the path has another header before it now.
func prepare(fd int, network, device string) error {
	level, option, value := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT
	if network == "udp6" {
		level, option, value = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT
	}
	return errors.Join(
		unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, device),
		unix.SetsockoptInt(fd, level, option, value),
	)
}

// Send has the member at an address take a packet. One that cannot be sent is lost, as it would have been without.
func (sockets *Sockets) Send(to netip.Addr, packet []byte) {
	socket := sockets.ipv4
	if to.Is6() {
		socket = sockets.ipv6
	}
	if socket != nil {
		_, _ = socket.WriteToUDPAddrPort(packet, netip.AddrPortFrom(to, Port))
	}
}

func (sockets *Sockets) read(socket *net.UDPConn) {
	buffer := make([]byte, 1<<16)
	for {
		size, from, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Another port is another program's, which may be anybody's on that host.
		if err == nil && from.Port() == Port {
			sockets.inbox.LateArrived(from.Addr().Unmap().WithZone(""), buffer[:size])
		}
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
