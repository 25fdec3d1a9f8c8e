// SPDX-License-Identifier: Apache-2.0

package late

import (
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Mark is on packets that are delivered late. They come by the loopback device, and a firewall has to judge them as if they
// had come by the mesh's.
const Mark = 0x6d676c74

// Deliver brings a packet to this host, whatever its source; its destination must be an address of this host.
func Deliver(packet []byte, destination netip.Addr) error {
	family, to := unix.AF_INET, unix.Sockaddr(nil)
	if destination.Is4() {
		to = &unix.SockaddrInet4{Addr: destination.As4()}
	} else {
		family, to = unix.AF_INET6, &unix.SockaddrInet6{Addr: destination.As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if family == unix.AF_INET6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_HDRINCL, 1)
	}
	return errors.Join(
		err,
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, Mark),
		unix.Sendto(fd, packet, 0, to),
	)
}
