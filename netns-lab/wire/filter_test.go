// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"testing"
)

func TestWireguardIsKnownByTypeAndLength(t *testing.T) {
	f := filter{dropWireguard: true}
	for _, message := range []struct {
		kind  byte
		bytes int
		drops bool
	}{
		{1, 148, true}, {2, 92, true}, {3, 64, true}, {4, 32, true}, {4, 48, true}, {4, 1312, true},
		{1, 147, false}, {2, 148, false}, {3, 65, false}, {4, 16, false}, {4, 33, false}, {5, 148, false}, {0, 0, false},
	} {
		payload := make([]byte, message.bytes)
		if message.bytes > 0 {
			payload[0] = message.kind
		}
		for family, frame := range map[string][]byte{"IPv4": ipv4(5000, 6000, payload), "IPv6": ipv6(5000, 6000, payload)} {
			if f.drops(frame) != message.drops {
				t.Errorf("%s, type %d with %d bytes: drops is not %v", family, message.kind, message.bytes, message.drops)
			}
		}
	}
	reserved := make([]byte, 148)
	reserved[0], reserved[2] = 1, 7
	if f.drops(ipv4(5000, 6000, reserved)) {
		t.Error("bytes in the reserved field are not WireGuard's")
	}
}

func TestUdpPolicies(t *testing.T) {
	frames := [][]byte{ipv4(5000, 6000, nil), ipv4(5000, 443, nil), ipv6(443, 5000, nil), tcp()}
	for policy, drops := range map[udpPolicy][4]bool{
		udpOpen:    {false, false, false, false},
		udpBlocked: {true, true, true, false},
		udpOnly443: {true, false, false, false},
		udpNot443:  {false, true, true, false},
	} {
		f := filter{udp: policy}
		for i, frame := range frames {
			if f.drops(frame) != drops[i] {
				t.Errorf("policy %d, frame %d: drops is not %v", policy, i, drops[i])
			}
		}
	}
}

func TestLaterFragmentsAreUdpWithoutPorts(t *testing.T) {
	frame := ipv4(5000, 443, make([]byte, 100))
	binary.BigEndian.PutUint16(frame[etherHeaderBytes+6:], 185)
	if only443 := (filter{udp: udpOnly443}); !only443.drops(frame) {
		t.Error("a fragment passed a filter that needs its ports")
	}
	if wireguard := (filter{dropWireguard: true}); wireguard.drops(frame) {
		t.Error("a fragment was taken for WireGuard")
	}
	six := ipv6(5000, 443, nil)
	fragment := append([]byte{protocolUDP, 0, 0, 8, 0, 0, 0, 1}, make([]byte, 40)...)
	six = append(six[:etherHeaderBytes+ipv6HeaderBytes:etherHeaderBytes+ipv6HeaderBytes], fragment...)
	six[etherHeaderBytes+6] = protocolFragment
	if only443 := (filter{udp: udpOnly443}); !only443.drops(six) {
		t.Error("an IPv6 fragment passed a filter that needs its ports")
	}
}

func TestPacketsAboveTheLimitAreSwallowed(t *testing.T) {
	f := filter{maxPacketBytes: 1280}
	if f.drops(ipv4(1, 2, make([]byte, 1280-28))) || !f.drops(ipv4(1, 2, make([]byte, 1281-28))) {
		t.Error("the limit is not 1280 bytes of IP packet")
	}
}

func FuzzFilterReadsNoFurtherThanTheFrame(f *testing.F) {
	f.Add(ipv4(5000, 443, []byte{1, 0, 0, 0}))
	f.Add(ipv6(5000, 443, []byte{4, 0, 0, 0}))
	f.Fuzz(func(_ *testing.T, frame []byte) {
		for policy := udpOpen; policy <= udpNot443; policy++ {
			filter := filter{dropWireguard: true, udp: policy, maxPacketBytes: 1280}
			filter.drops(frame)
		}
	})
}

func udp(source, destination uint16, payload []byte) []byte {
	header := make([]byte, udpHeaderBytes, udpHeaderBytes+len(payload))
	binary.BigEndian.PutUint16(header, source)
	binary.BigEndian.PutUint16(header[2:], destination)
	binary.BigEndian.PutUint16(header[4:], uint16(udpHeaderBytes+len(payload)))
	return append(header, payload...)
}

func ipv4(source, destination uint16, payload []byte) []byte {
	frame := make([]byte, etherHeaderBytes+20)
	binary.BigEndian.PutUint16(frame[12:], etherTypeIPv4)
	frame[etherHeaderBytes], frame[etherHeaderBytes+9] = 0x45, protocolUDP
	return append(frame, udp(source, destination, payload)...)
}

func ipv6(source, destination uint16, payload []byte) []byte {
	frame := make([]byte, etherHeaderBytes+ipv6HeaderBytes)
	binary.BigEndian.PutUint16(frame[12:], etherTypeIPv6)
	frame[etherHeaderBytes], frame[etherHeaderBytes+6] = 0x60, protocolUDP
	return append(frame, udp(source, destination, payload)...)
}

func tcp() []byte {
	frame := ipv4(5000, 443, nil)
	frame[etherHeaderBytes+9] = 6
	return frame
}
