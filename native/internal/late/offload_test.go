// SPDX-License-Identifier: Apache-2.0

package late

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

var (
	server = netip.MustParseAddr("192.168.77.1")
	client = netip.MustParseAddr("10.7.0.2")
	pair6  = [2]netip.Addr{netip.MustParseAddr("fd00:77::1"), netip.MustParseAddr("fd12::2")}
)

// ipPacket puts an IP header before a transport one and its payload.
func ipPacket(from, to netip.Addr, protocol byte, transport []byte) []byte {
	if from.Is6() {
		header := make([]byte, headerIPv6)
		header[0], header[6], header[7] = 0x60, protocol, 64
		binary.BigEndian.PutUint16(header[4:], uint16(len(transport)))
		copy(header[8:], from.AsSlice())
		copy(header[24:], to.AsSlice())
		return append(header, transport...)
	}
	header := make([]byte, headerIPv4)
	header[0], header[8], header[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(header[2:], uint16(headerIPv4+len(transport)))
	binary.BigEndian.PutUint16(header[4:], 0xffff)
	copy(header[12:], from.AsSlice())
	copy(header[16:], to.AsSlice())
	return append(header, transport...)
}

func tcp(payload []byte) []byte {
	header := make([]byte, tcpHeaderMin)
	binary.BigEndian.PutUint32(header[4:], 0xfffffffe)
	header[12], header[tcpFlags] = 5<<4, tcpFinPush|tcpReduced|0x10
	return append(header, payload...)
}

func udp(payload []byte) []byte {
	header := make([]byte, udpHeader)
	binary.BigEndian.PutUint16(header[4:], uint16(udpHeader+len(payload)))
	return append(header, payload...)
}

// isSound tells whether lengths and sums of a packet are right.
func isSound(packet []byte) bool {
	if _, _, ok := Ends(packet); !ok {
		return false
	}
	if packet[0]>>4 == 6 {
		rest := packet[headerIPv6:]
		return sum(sum(uint32(packet[6])+uint32(len(rest)), packet[8:40]), rest) == 0xffff
	}
	rest := packet[headerIPv4:]
	return sum(0, packet[:headerIPv4]) == 0xffff &&
		sum(sum(uint32(packet[9])+uint32(len(rest)), packet[12:20]), rest) == 0xffff
}

func TestWhatADeviceWouldCutIsCut(t *testing.T) {
	payload := bytes.Repeat([]byte("0123456789"), 25)
	for name, c := range map[string]struct {
		packet   []byte
		offload  offload
		overhead int
	}{
		"tcp over ipv4": {
			ipPacket(server, client, unix.IPPROTO_TCP, tcp(payload)),
			offload{needsChecksum: true, kind: unix.VIRTIO_NET_HDR_GSO_TCPV4, segmentSize: 101, transport: headerIPv4, checksum: 16},
			headerIPv4 + tcpHeaderMin,
		},
		"tcp over ipv6": {
			ipPacket(pair6[0], pair6[1], unix.IPPROTO_TCP, tcp(payload)),
			offload{needsChecksum: true, kind: unix.VIRTIO_NET_HDR_GSO_TCPV6, segmentSize: 101, transport: headerIPv6, checksum: 16},
			headerIPv6 + tcpHeaderMin,
		},
		"udp over ipv4": {
			ipPacket(server, client, unix.IPPROTO_UDP, udp(payload)),
			offload{needsChecksum: true, kind: unix.VIRTIO_NET_HDR_GSO_UDP_L4, segmentSize: 101, transport: headerIPv4, checksum: 6},
			headerIPv4 + udpHeader,
		},
	} {
		segments := c.offload.finish(c.packet)
		whole := []byte{}
		for i, segment := range segments {
			if !isSound(segment) {
				t.Errorf("%s: segment %d is not sound: %x", name, i, segment)
			}
			if c.overhead != headerIPv4+udpHeader {
				transport := segment[c.offload.transport:]
				if got, want := binary.BigEndian.Uint32(transport[4:]), uint32(0xfffffffe)+uint32(101*i); got != want {
					t.Errorf("%s: segment %d begins at %x, want %x", name, i, got, want)
				}
				flags, last := transport[tcpFlags], i == len(segments)-1
				if flags&tcpFinPush != 0 != last || flags&tcpReduced != 0 != (i == 0) {
					t.Errorf("%s: segment %d has flags %x", name, i, flags)
				}
			}
			whole = append(whole, segment[c.overhead:]...)
		}
		if len(segments) != 3 || !bytes.Equal(whole, payload) {
			t.Errorf("%s: %d segments of %d bytes", name, len(segments), len(whole))
		}
	}
}

func TestASumThatWasLeftIsMade(t *testing.T) {
	packet := ipPacket(pair6[0], pair6[1], unix.IPPROTO_UDP, udp([]byte("odd")))
	rest := packet[headerIPv6:]
	binary.BigEndian.PutUint16(rest[6:], uint16(sum(unix.IPPROTO_UDP+uint32(len(rest)), packet[8:40])))
	o := offload{needsChecksum: true, transport: headerIPv6, checksum: 6}
	if packets := o.finish(packet); len(packets) != 1 || !isSound(packets[0]) {
		t.Errorf("%x", packets)
	}
}

func TestWhatIsWholeStaysAsItIs(t *testing.T) {
	packet := ipPacket(server, client, unix.IPPROTO_ICMP, []byte("echo"))
	if packets := (offload{}).finish(packet); len(packets) != 1 || !bytes.Equal(packets[0], packet) {
		t.Errorf("%x", packets)
	}
}

func TestWhatIsNoWholePacketHasNoEnds(t *testing.T) {
	packet := ipPacket(server, client, unix.IPPROTO_ICMP, []byte("echo"))
	if from, to, ok := Ends(packet); from != server || to != client || !ok {
		t.Errorf("from %s to %s, %t", from, to, ok)
	}
	for _, wrong := range [][]byte{nil, {0x45}, packet[:len(packet)-1], append(packet[:len(packet):len(packet)], 0), make([]byte, 60)} {
		if _, _, ok := Ends(wrong); ok {
			t.Errorf("%x has ends", wrong)
		}
	}
}

// Nothing that the kernel could say of a packet may stop the helper.
func FuzzFinish(f *testing.F) {
	f.Add(make([]byte, offloadSize), ipPacket(server, client, unix.IPPROTO_TCP, tcp([]byte("payload"))))
	f.Add([]byte{1, 1, 0, 0, 4, 0, 20, 0, 16, 0}, ipPacket(server, client, unix.IPPROTO_TCP, tcp([]byte("payload"))))
	f.Add([]byte{1, 5, 0, 0, 4, 0, 40, 0, 6, 0}, ipPacket(pair6[0], pair6[1], unix.IPPROTO_UDP, udp([]byte("payload"))))
	f.Fuzz(func(t *testing.T, header, packet []byte) {
		if len(header) < offloadSize || len(packet) > 4096 {
			return
		}
		for _, segment := range readOffload(header).finish(packet) {
			Ends(segment)
		}
	})
}
