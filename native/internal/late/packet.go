// SPDX-License-Identifier: Apache-2.0

// Package late carries answers that WireGuard would not take in. It takes a source address from one peer only, so when a
// prefix moves from one gateway to another, what is still on its way over the first one would be lost. That gateway sends
// such packets a second time, whole, as the payload of a datagram between mesh addresses.
package late

import (
	"encoding/binary"
	"net/netip"
)

const (
	headerIPv4 = 20
	headerIPv6 = 40
)

// Ends are a packet's source and destination; ok is false for what is no whole packet of IP.
func Ends(packet []byte) (source, destination netip.Addr, ok bool) {
	switch {
	case len(packet) >= headerIPv4 && packet[0]>>4 == 4:
		source, destination = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
		ok = int(binary.BigEndian.Uint16(packet[2:])) == len(packet)
	case len(packet) >= headerIPv6 && packet[0]>>4 == 6:
		source, destination = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
		ok = headerIPv6+int(binary.BigEndian.Uint16(packet[4:])) == len(packet)
	}
	return source, destination, ok
}

// headerLength is that of a packet's IP header, without extensions.
func headerLength(packet []byte) int {
	if packet[0]>>4 == 6 {
		return headerIPv6
	}
	return max(headerIPv4, int(packet[0]&0x0f)*4)
}
