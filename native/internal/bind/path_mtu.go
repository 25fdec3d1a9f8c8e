// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// PathMTU is the largest IP packet that leaves for an address unfragmented, as far as the kernel knows.
func (b *Bind) PathMTU(to netip.AddrPort) (mtu int, known bool) {
	if !to.IsValid() {
		return 0, false
	}
	// Connecting a socket of UDP sends nothing, and tells which route the packets take, by their mark too.
	socket, err := (&net.Dialer{Control: b.Mark.Control}).Dial("udp", to.String())
	if err != nil {
		return 0, false
	}
	defer func() { _ = socket.Close() }()
	raw, err := socket.(*net.UDPConn).SyscallConn()
	if err != nil {
		return 0, false
	}
	level, option := unix.IPPROTO_IP, unix.IP_MTU
	if to.Addr().Is6() && !to.Addr().Is4In6() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	failed := raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), level, option) })
	return mtu, failed == nil && err == nil
}

// SendWhole sends one datagram so that nobody cuts it, and with no regard to what routers have said earlier of how much
// they carry: the kernel believes that for ten minutes, in which no probe could show that a hop is wider again.
// It is not possible over every path.
func (b *Bind) SendWhole(datagram []byte, path Path) (possible bool, err error) {
	sockets, possible := b.sockets.(*families)
	switch path.(type) {
	case *direct, *uplinked, *relayed:
	default:
		return false, nil
	}
	if !possible {
		return false, nil
	}
	return true, sockets.whole(path.Endpoint(), func() error { return path.Send([][]byte{datagram}) })
}
