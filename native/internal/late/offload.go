// SPDX-License-Identifier: Apache-2.0

package late

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// An offload is what the kernel has left for a device to do with a packet (struct virtio_net_hdr).
type offload struct {
	needsChecksum bool
	kind          byte
	segmentSize   int
	// transport is where the transport header begins, and checksum where in it the checksum is.
	transport int
	checksum  int
}

const (
	offloadSize = 10
	// ecn may be set beside a kind.
	ecn = unix.VIRTIO_NET_HDR_GSO_ECN
)

func readOffload(header []byte) offload {
	word := func(at int) int { return int(binary.NativeEndian.Uint16(header[at:])) }
	return offload{
		needsChecksum: header[0]&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM != 0,
		kind:          header[1] &^ ecn,
		segmentSize:   word(4), transport: word(6), checksum: word(8),
	}
}

// finish does what is left to do: of one packet it makes those that a network would see. What it does not understand
// gives none.
func (o offload) finish(packet []byte) [][]byte {
	if !o.needsChecksum {
		if o.kind != unix.VIRTIO_NET_HDR_GSO_NONE {
			return nil
		}
		return [][]byte{packet}
	}
	if _, _, ok := Ends(packet); !ok || o.transport < headerLength(packet) || o.transport+o.checksum+2 > len(packet) {
		return nil
	}
	switch o.kind {
	case unix.VIRTIO_NET_HDR_GSO_NONE:
		// The kernel has left the sum of the pseudo-header in the checksum's place.
		putChecksum(packet[o.transport+o.checksum:], sum(0, packet[o.transport:]))
		return [][]byte{packet}
	case unix.VIRTIO_NET_HDR_GSO_TCPV4, unix.VIRTIO_NET_HDR_GSO_TCPV6, unix.VIRTIO_NET_HDR_GSO_UDP_L4:
		return o.split(packet)
	}
	return nil
}

const (
	tcpHeaderMin = 20
	tcpFlags     = 13
	tcpFinPush   = 0x09
	tcpReduced   = 0x80
	udpHeader    = 8
)

// split cuts the payload into segments, each with the headers of the whole.
func (o offload) split(packet []byte) (segments [][]byte) {
	isTCP := o.kind != unix.VIRTIO_NET_HDR_GSO_UDP_L4
	header := udpHeader
	if isTCP && o.transport+tcpHeaderMin <= len(packet) {
		header = max(tcpHeaderMin, int(packet[o.transport+12]>>4)*4)
	}
	payload := o.transport + header
	if o.segmentSize == 0 || payload > len(packet) || o.checksum+2 > header || isTCP && header < tcpHeaderMin {
		return nil
	}
	for at := payload; at < len(packet); at += o.segmentSize {
		end := min(at+o.segmentSize, len(packet))
		segment := append(packet[:payload:payload], packet[at:end]...)
		o.renumber(segment, len(segments))
		if transport := segment[o.transport:]; isTCP {
			binary.BigEndian.PutUint32(transport[4:], binary.BigEndian.Uint32(transport[4:])+uint32(at-payload))
			if end < len(packet) {
				transport[tcpFlags] &^= tcpFinPush
			}
			if at > payload {
				transport[tcpFlags] &^= tcpReduced
			}
		} else {
			binary.BigEndian.PutUint16(transport[4:], uint16(len(transport)))
		}
		o.putTransportChecksum(segment)
		segments = append(segments, segment)
	}
	return segments
}

// renumber makes the IP header that of one segment.
func (o offload) renumber(segment []byte, number int) {
	if segment[0]>>4 == 6 {
		binary.BigEndian.PutUint16(segment[4:], uint16(len(segment)-headerIPv6))
		return
	}
	header := segment[:headerLength(segment)]
	binary.BigEndian.PutUint16(header[2:], uint16(len(segment)))
	binary.BigEndian.PutUint16(header[4:], binary.BigEndian.Uint16(header[4:])+uint16(number))
	header[10], header[11] = 0, 0
	putChecksum(header[10:], sum(0, header))
}

func (o offload) putTransportChecksum(segment []byte) {
	addresses, protocol := segment[12:20], uint32(unix.IPPROTO_TCP)
	if segment[0]>>4 == 6 {
		addresses = segment[8:40]
	}
	if o.kind == unix.VIRTIO_NET_HDR_GSO_UDP_L4 {
		protocol = unix.IPPROTO_UDP
	}
	transport := segment[o.transport:]
	place := transport[o.checksum:]
	place[0], place[1] = 0, 0
	putChecksum(place, sum(sum(protocol+uint32(len(transport)), addresses), transport))
}

// sum adds up words (RFC 1071).
func sum(so uint32, data []byte) uint32 {
	total := uint64(so)
	for ; len(data) >= 2; data = data[2:] {
		total += uint64(binary.BigEndian.Uint16(data))
	}
	if len(data) == 1 {
		total += uint64(data[0]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint32(total)
}

// putChecksum never puts zero, which means none in UDP.
func putChecksum(place []byte, total uint32) {
	checksum := ^uint16(total)
	if checksum == 0 {
		checksum = 0xffff
	}
	binary.BigEndian.PutUint16(place, checksum)
}
