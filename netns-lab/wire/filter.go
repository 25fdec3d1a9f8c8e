// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
)

// filter drops frames for what is in them, as boxes on the way do. It answers nothing: whoever sent a frame that is
// dropped hears of it from nobody.
type filter struct {
	dropWireguard  bool
	udp            udpPolicy
	maxPacketBytes int // of the IP packet; 0 is unlimited
}

type udpPolicy int

const (
	udpOpen udpPolicy = iota
	udpBlocked
	udpOnly443 // QUIC passes, all other UDP does not
	udpNot443  // QUIC does not pass, all other UDP does
)

const (
	etherHeaderBytes = 14
	ipv6HeaderBytes  = 40
	udpHeaderBytes   = 8
	quicPort         = 443

	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd

	protocolUDP      = 17
	protocolHopByHop = 0
	protocolRouting  = 43
	protocolFragment = 44
	protocolDstOpts  = 60
)

func (f *filter) drops(frame []byte) bool {
	if f.maxPacketBytes > 0 && len(frame)-etherHeaderBytes > f.maxPacketBytes {
		return true
	}
	if !f.dropWireguard && f.udp == udpOpen {
		return false
	}
	datagram, isUDP := udpOf(frame)
	if !isUDP {
		return false
	}
	return f.dropsByPort(datagram) || f.dropWireguard && looksLikeWireguard(datagram)
}

// dropsByPort judges by either port, because the answers come from 443. Later fragments have no ports, and are dropped
// wherever some ports are, as strict firewalls do.
func (f *filter) dropsByPort(datagram []byte) bool {
	if f.udp == udpOpen || f.udp == udpBlocked {
		return f.udp == udpBlocked
	}
	if len(datagram) < udpHeaderBytes {
		return true
	}
	source, destination := binary.BigEndian.Uint16(datagram), binary.BigEndian.Uint16(datagram[2:])
	is443 := source == quicPort || destination == quicPort
	return is443 == (f.udp == udpNot443)
}

// looksLikeWireguard knows the messages of the WireGuard paper (section 5.4) by type, the three zero bytes after it, and
// length: initiation 148, response 92, cookie reply 64, data 32 and sixteens more.
func looksLikeWireguard(datagram []byte) bool {
	if len(datagram) < udpHeaderBytes+4 {
		return false
	}
	length := int(binary.BigEndian.Uint16(datagram[4:])) - udpHeaderBytes
	switch binary.LittleEndian.Uint32(datagram[udpHeaderBytes:]) {
	case 1:
		return length == 148
	case 2:
		return length == 92
	case 3:
		return length == 64
	case 4:
		return length >= 32 && length%16 == 0
	}
	return false
}

// udpOf finds the UDP datagram of a frame. Of a later fragment it is empty: there is no header in it.
func udpOf(frame []byte) (datagram []byte, isUDP bool) {
	if len(frame) < etherHeaderBytes {
		return nil, false
	}
	packet := frame[etherHeaderBytes:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherTypeIPv4:
		return udpOfIPv4(packet)
	case etherTypeIPv6:
		return udpOfIPv6(packet)
	}
	return nil, false
}

func udpOfIPv4(packet []byte) ([]byte, bool) {
	if len(packet) < 20 || packet[9] != protocolUDP {
		return nil, false
	}
	if binary.BigEndian.Uint16(packet[6:])&0x1fff != 0 {
		return nil, true
	}
	headerBytes := int(packet[0]&0x0f) * 4
	if len(packet) < headerBytes {
		return nil, false
	}
	return packet[headerBytes:], true
}

func udpOfIPv6(packet []byte) ([]byte, bool) {
	if len(packet) < ipv6HeaderBytes {
		return nil, false
	}
	next, rest := packet[6], packet[ipv6HeaderBytes:]
	for next == protocolHopByHop || next == protocolRouting || next == protocolDstOpts || next == protocolFragment {
		if len(rest) < 8 {
			return nil, false
		}
		// A fragment header has a fixed length; its second byte is reserved.
		length := 8
		if next != protocolFragment {
			length = 8 + 8*int(rest[1])
		} else if binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0 {
			return nil, rest[0] == protocolUDP
		}
		if len(rest) < length {
			return nil, false
		}
		next, rest = rest[0], rest[length:]
	}
	return rest, next == protocolUDP
}

func (f *filter) set(name string, value float64) error {
	switch name {
	case "dropWireguard":
		f.dropWireguard = value != 0
	case "udp":
		if value < 0 || value > float64(udpNot443) {
			return fmt.Errorf("udp=%v is not 0 to %d", value, udpNot443)
		}
		f.udp = udpPolicy(value)
	case "maxPacketBytes":
		f.maxPacketBytes = int(value)
	default:
		return fmt.Errorf("no setting is named %q", name)
	}
	return nil
}
