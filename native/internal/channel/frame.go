// SPDX-License-Identifier: Apache-2.0

// Package channel hands ciphertext to carriers: programs of the agent's that hold data channels to
// peers, for networks that let nothing else of ours through. The helper speaks neither ICE nor DTLS.
package channel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"meshgate.dev/native/internal/protocol"
)

// A Kind is what a frame between helper and carrier says.
type Kind byte

const (
	// Packet has a packet of WireGuard or a sealed probe in it, for the peer or from it.
	Packet Kind = 1
	// Open tells the helper that a data channel to the peer stands.
	Open Kind = 2
	// Closed tells the helper that it stands no more, and a carrier that it is not wanted any more.
	Closed Kind = 3
)

const (
	// HeaderSize is what comes before the payload:
	//
	//	0   1   kind
	//	1   1   zero
	//	2   2   length of the payload, big-endian
	//	4  32   the peer's WireGuard public key
	HeaderSize = 36
	// PayloadSizeMax is that of relay frames.
	PayloadSizeMax = 65_000
)

// ErrMalformed says that whoever speaks is no carrier.
var ErrMalformed = errors.New("malformed carrier frame")

// A Frame is one message between helper and carrier.
type Frame struct {
	Kind    Kind
	Peer    protocol.Key
	Payload []byte
}

// Bytes is the frame as it travels.
func (frame Frame) Bytes() []byte {
	bytes := make([]byte, HeaderSize, HeaderSize+len(frame.Payload))
	bytes[0] = byte(frame.Kind)
	binary.BigEndian.PutUint16(bytes[2:], uint16(len(frame.Payload)))
	copy(bytes[4:], frame.Peer[:])
	return append(bytes, frame.Payload...)
}

// Read takes the next frame. Its payload is the buffer's, which must hold PayloadSizeMax bytes.
func Read(reader *bufio.Reader, buffer []byte) (Frame, error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(reader, header[:]); err != nil {
		return Frame{}, err
	}
	frame := Frame{Kind: Kind(header[0]), Peer: protocol.Key(header[4:])}
	size := int(binary.BigEndian.Uint16(header[2:]))
	isPacket := frame.Kind == Packet
	if frame.Kind < Packet || frame.Kind > Closed || header[1] != 0 || size > PayloadSizeMax || (size > 0) != isPacket {
		return Frame{}, ErrMalformed
	}
	frame.Payload = buffer[:size]
	_, err := io.ReadFull(reader, frame.Payload)
	return frame, err
}
