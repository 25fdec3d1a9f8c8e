// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"encoding/binary"

	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/relay"
)

// A Class is what a datagram on the one port is, by its first bytes.
type Class int

// The classes of PROTOCOL.md, "What is on the wire".
const (
	Foreign Class = iota
	WireGuard
	Probe
	STUN
	Relay
)

const (
	wireGuardTypeMin = 1
	wireGuardTypeMax = 4
	typeTransport    = 4

	// keepaliveSize is the length of WireGuard's only data message that carries no packet.
	keepaliveSize = 32

	stunHeaderSize  = 20
	stunFirstMax    = 0x3f
	stunMagicCookie = 0x2112a442
)

func (class Class) String() string {
	return [...]string{"foreign", "wireguard", "probe", "stun", "relay"}[class]
}

// Classify never looks further than the header of STUN: who speaks is not yet known.
func Classify(datagram []byte) Class {
	if len(datagram) < 4 {
		return Foreign
	}
	kind := binary.LittleEndian.Uint32(datagram)
	switch {
	case kind >= wireGuardTypeMin && kind <= wireGuardTypeMax:
		return WireGuard
	case [4]byte(datagram[:4]) == probe.Magic:
		return Probe
	case [4]byte(datagram[:4]) == relay.Magic:
		return Relay
	case len(datagram) >= stunHeaderSize && datagram[0] <= stunFirstMax &&
		binary.BigEndian.Uint32(datagram[4:]) == stunMagicCookie:
		return STUN
	}
	return Foreign
}
