// SPDX-License-Identifier: Apache-2.0

// Package meshsocket is how the helper itself talks to members inside the mesh: by UDP between mesh addresses. WireGuard has
// authenticated whoever is heard there.
package meshsocket

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

const datagramSizeMax = 1 << 16

// ErrNoAddress is that of sending to a family of which the device has no address.
var ErrNoAddress = errors.New("the device has no address of the peer's family")

// Config says which sockets to open.
type Config struct {
	Device string
	// Addresses are the device's own.
	Addresses []netip.Addr
	Port      uint16
	// Fragments lets the kernel cut what is too long for a path. Without it such a datagram does not get through.
	Fragments bool
}

// A Handler takes what a socket hears, until it returns. An answer must leave by that socket, whose address was asked.
type Handler func(socket *net.UDPConn, datagram []byte, from netip.AddrPort)

// Sockets are those on the addresses of a device.
type Sockets struct {
	handle  Handler
	ipv4    *net.UDPConn
	ipv6    *net.UDPConn
	all     []*net.UDPConn
	readers sync.WaitGroup
}

// Open binds the sockets to the device as well, so that nothing of theirs can leave or enter outside of the mesh.
func Open(config Config, handle Handler) (*Sockets, error) {
	sockets := &Sockets{handle: handle}
	for _, address := range config.Addresses {
		socket, err := listen(config, address)
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

func listen(config Config, address netip.Addr) (*net.UDPConn, error) {
	listening := net.ListenConfig{Control: func(network, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = prepare(int(fd), network, config) })
		return errors.Join(err, failed)
	}}
	network := "udp4"
	if address.Is6() {
		network = "udp6"
	}
	host := net.JoinHostPort(address.String(), strconv.Itoa(int(config.Port)))
	socket, err := listening.ListenPacket(context.Background(), network, host)
	if err != nil {
		return nil, err
	}
	return socket.(*net.UDPConn), nil
}

func prepare(fd int, network string, config Config) error {
	level, option := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER
	if network == "udp6" {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER
	}
	// IPv6 has the same values.
	value := unix.IP_PMTUDISC_PROBE
	if config.Fragments {
		value = unix.IP_PMTUDISC_DONT
	}
	return errors.Join(
		unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, config.Device),
		unix.SetsockoptInt(fd, level, option, value),
	)
}

// Send sends by the device's first address of that family.
func (sockets *Sockets) Send(to netip.AddrPort, datagram []byte) error {
	socket := sockets.ipv4
	if to.Addr().Is6() {
		socket = sockets.ipv6
	}
	if socket == nil {
		return ErrNoAddress
	}
	_, err := socket.WriteToUDPAddrPort(datagram, to)
	return err
}

func (sockets *Sockets) read(socket *net.UDPConn) {
	buffer := make([]byte, datagramSizeMax)
	for {
		size, from, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Anything else is news of what was sent before.
		if err == nil {
			from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
			sockets.handle(socket, buffer[:size], from)
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
