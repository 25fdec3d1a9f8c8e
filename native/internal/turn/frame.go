// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/pion/stun/v4"
)

// ChannelData:
//
//	offset size
//	 0      2    channel number, 0x4000..0x4fff
//	 2      2    length of the datagram
//	 4      n    the datagram; over TCP and TLS padded to a multiple of four
const (
	channelHeaderSize = 4
	stunHeaderSize    = 20
	padding           = 4

	numberMin = 0x4000
	numberMax = 0x4fff

	// datagramMax is the longest that fits a frame of which the stream has to be kept in a buffer.
	datagramMax = 0xffff
	frameMax    = channelHeaderSize + datagramMax + 1
)

var errNotAFrame = errors.New("what comes from the server is neither STUN nor ChannelData")

// appendFrame appends ChannelData without its padding.
func appendFrame(frame []byte, number uint16, datagram []byte) []byte {
	frame = binary.BigEndian.AppendUint16(frame, number)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(datagram)))
	return append(frame, datagram...)
}

// paddedLength is what a frame takes in a stream.
func paddedLength(length int) int { return (length + padding - 1) &^ (padding - 1) }

// frameLength tells how long the frame is that a stream goes on with, padding included; zero says
// that not enough is known yet.
func frameLength(stream []byte, isBound func(number uint16) bool) (int, error) {
	if len(stream) < channelHeaderSize {
		return 0, nil
	}
	kind, length := binary.BigEndian.Uint16(stream), int(binary.BigEndian.Uint16(stream[2:]))
	switch {
	case kind >= numberMin && kind <= numberMax && isBound(kind):
		return paddedLength(channelHeaderSize + length), nil
	case kind < numberMin && length%padding == 0 && len(stream) < 8:
		return 0, nil
	case kind < numberMin && length%padding == 0 && binary.BigEndian.Uint32(stream[4:]) == magicCookie:
		return stunHeaderSize + length, nil
	}
	return 0, errNotAFrame
}

func isChannelData(frame []byte) bool { return len(frame) > 0 && frame[0]>>4 == numberMin>>12 }

// readChannelData gives the datagram within a frame, which may have padding.
func readChannelData(frame []byte) (number uint16, datagram []byte, ok bool) {
	if len(frame) < channelHeaderSize {
		return 0, nil, false
	}
	number = binary.BigEndian.Uint16(frame)
	length := int(binary.BigEndian.Uint16(frame[2:]))
	if number < numberMin || number > numberMax || length > len(frame)-channelHeaderSize {
		return 0, nil, false
	}
	return number, frame[channelHeaderSize:][:length], true
}

var dataIndication = stun.NewType(stun.MethodData, stun.ClassIndication).Value()

func isDataIndication(frame []byte) bool {
	return len(frame) >= stunHeaderSize && binary.BigEndian.Uint16(frame) == dataIndication
}

// readDataIndication gives a datagram that came over no channel. It reads the attributes itself,
// because pion's decoder would allocate for each.
func readDataIndication(frame []byte) (from netip.AddrPort, datagram []byte, ok bool) {
	length := int(binary.BigEndian.Uint16(frame[2:]))
	if binary.BigEndian.Uint32(frame[4:]) != magicCookie || length > len(frame)-stunHeaderSize {
		return netip.AddrPort{}, nil, false
	}
	attributes, transaction := frame[stunHeaderSize:][:length], frame[8:stunHeaderSize]
	for len(attributes) >= 4 {
		kind := stun.AttrType(binary.BigEndian.Uint16(attributes))
		size := int(binary.BigEndian.Uint16(attributes[2:]))
		if size > len(attributes)-4 {
			return netip.AddrPort{}, nil, false
		}
		value := attributes[4:][:size]
		switch kind {
		case stun.AttrXORPeerAddress:
			from, _ = readAddress(value, transaction)
		case stun.AttrData:
			datagram = value
		}
		attributes = attributes[min(len(attributes), 4+paddedLength(size)):]
	}
	return from, datagram, from.IsValid() && datagram != nil
}
