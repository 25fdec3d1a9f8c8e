// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// foreign are raw sockets, which may say that a packet comes from anywhere. A peer whose packets the
// kernel sends straight would follow one that came by another way: so that one seems to come from where
// the kernel thinks that the peer is.
type foreign struct{ ipv4, ipv6 int }

func openForeign() (*foreign, error) {
	open := func(family int) (int, error) {
		fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return -1, err
		}
		return fd, unix.BindToDevice(fd, "lo")
	}
	sockets := &foreign{ipv6: -1}
	var err error
	if sockets.ipv4, err = open(unix.AF_INET); err != nil {
		return nil, err
	}
	// Without IPv6 no peer is there.
	sockets.ipv6, _ = open(unix.AF_INET6)
	return sockets, nil
}

func (sockets *foreign) close() {
	for _, fd := range []int{sockets.ipv4, sockets.ipv6} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

const (
	sizeUDP  = 8
	sizeIPv4 = 20
	sizeIPv6 = 40
	hopLimit = 64
)

// bring hands a packet to the port of this host from any address.
func (sockets *foreign) bring(packet []byte, from netip.AddrPort, port uint16) {
	if from.Addr().Is4() {
		datagram := make([]byte, sizeIPv4+sizeUDP+len(packet))
		to := [4]byte{127, 0, 0, 1}
		// The kernel fills in length, identification and checksum of the header.
		datagram[0], datagram[8], datagram[9] = 0x45, hopLimit, unix.IPPROTO_UDP
		copy(datagram[12:], from.Addr().AsSlice())
		copy(datagram[16:], to[:])
		// UDP may go without a checksum over IPv4.
		putUDP(datagram[sizeIPv4:], from.Port(), port, packet)
		_ = unix.Sendto(sockets.ipv4, datagram, 0, &unix.SockaddrInet4{Addr: to})
		return
	}
	if sockets.ipv6 < 0 {
		return
	}
	datagram := make([]byte, sizeIPv6+sizeUDP+len(packet))
	to := netip.IPv6Loopback().As16()
	datagram[0], datagram[6], datagram[7] = 0x60, unix.IPPROTO_UDP, hopLimit
	binary.BigEndian.PutUint16(datagram[4:], uint16(sizeUDP+len(packet)))
	copy(datagram[8:], from.Addr().AsSlice())
	copy(datagram[24:], to[:])
	segment := datagram[sizeIPv6:]
	putUDP(segment, from.Port(), port, packet)
	binary.BigEndian.PutUint16(segment[6:], checksum(datagram[8:sizeIPv6], segment))
	_ = unix.Sendto(sockets.ipv6, datagram, 0, &unix.SockaddrInet6{Addr: to})
}

func putUDP(segment []byte, source, destination uint16, payload []byte) {
	binary.BigEndian.PutUint16(segment[0:], source)
	binary.BigEndian.PutUint16(segment[2:], destination)
	binary.BigEndian.PutUint16(segment[4:], uint16(sizeUDP+len(payload)))
	copy(segment[sizeUDP:], payload)
}

// checksum is that of UDP over IPv6 (RFC 8200, section 8.1), whose own field is zero so far.
func checksum(addresses, segment []byte) uint16 {
	sum := uint32(unix.IPPROTO_UDP) + uint32(len(segment))
	for _, part := range [][]byte{addresses, segment} {
		for ; len(part) > 1; part = part[2:] {
			sum += uint32(binary.BigEndian.Uint16(part))
		}
		if len(part) == 1 {
			sum += uint32(part[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if folded := ^uint16(sum); folded != 0 {
		return folded
	}
	return 0xffff
}

// putHeader writes a control message's header as the kernel reads it.
func putHeader(control []byte, header unix.Cmsghdr) {
	*(*unix.Cmsghdr)(unsafe.Pointer(&control[0])) = header
}
