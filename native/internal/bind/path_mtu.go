// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// PathMTU is the largest IP packet that leaves for an address unfragmented, as far as the kernel knows.
func PathMTU(to netip.AddrPort) (mtu int, known bool) {
	if !to.IsValid() {
		return 0, false
	}
	// Connecting a socket of UDP sends nothing, and tells which route the packets take.
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return 0, false
	}
	defer func() { _ = socket.Close() }()
	raw, err := socket.SyscallConn()
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

// ForgetPathMTUs has the kernel forget what routers have said of how much they carry. It believes that for
// ten minutes, in which it cuts whatever is larger, so that no probe could show that a hop is wider again.
// A hop that is not says so again at the next packet.
func ForgetPathMTUs() error {
	// There is no other call for it, and a host without IPv6 lacks the second.
	err := os.WriteFile("/proc/sys/net/ipv4/route/flush", []byte("1"), 0)
	if other := os.WriteFile("/proc/sys/net/ipv6/route/flush", []byte("1"), 0); !errors.Is(other, os.ErrNotExist) {
		err = errors.Join(err, other)
	}
	return err
}
