// SPDX-License-Identifier: Apache-2.0

// Package relay is the relay frame of PROTOCOL.md and what a host does with one: take it, pass it on
// to its next hop, or leave it. A hub sees ciphertext and sealed probes, and never looks inside.
package relay

import (
	"encoding/binary"
	"errors"

	"meshgate.dev/native/internal/probe"
)

// A frame:
//
//	0   4  magic
//	4   1  hops left
//	5   3  zero
//	8   8  destination tag
//	16  8  source tag
//	24  8  other hub's tag
//	32  8  code of this hop
//	40  n  payload
const (
	hopsOffset        = 4
	destinationOffset = 8
	sourceOffset      = 16
	otherOffset       = 24
	codeOffset        = 32

	// HeaderSize is what a frame adds to its payload.
	HeaderSize = 40
	// PayloadSizeMax keeps a frame within what UDP carries, with room to spare.
	PayloadSizeMax = 65_000
	// HopsMax is the hops left at the origin of a path over two hubs.
	HopsMax = 2

	wireGuardTypeMin = 1
	wireGuardTypeMax = 4
)

// Magic begins every frame: "mgr" and the version.
var Magic = [4]byte{0x6d, 0x67, 0x72, 0x01}

// A Header says where a frame comes from and where it goes.
type Header struct {
	// Hops are those left: 0 on the way to the destination, 1 to the last hub, 2 to the first of two.
	Hops        uint8
	Destination Tag
	Source      Tag
	// Other is the second hub while it is ahead and the first while it is behind; zero if there is one.
	Other Tag
}

// Why a frame is refused.
var (
	ErrMalformed     = errors.New("malformed")
	ErrPayload       = errors.New("payload is neither WireGuard nor a probe")
	ErrUnknownSender = errors.New("unknown sender")
	ErrCode          = errors.New("wrong code")
	ErrMisrouted     = errors.New("not the sender's to send")
	ErrUnknownSource = errors.New("unknown source")
	ErrNoRelay       = errors.New("this host does not relay")
)

// ReadHeader checks everything that a frame shows by itself.
func ReadHeader(frame []byte) (Header, error) {
	if len(frame) <= HeaderSize || len(frame) > HeaderSize+PayloadSizeMax || [4]byte(frame[:4]) != Magic {
		return Header{}, ErrMalformed
	}
	header := Header{
		Hops:        frame[hopsOffset],
		Destination: Tag(frame[destinationOffset:]),
		Source:      Tag(frame[sourceOffset:]),
		Other:       Tag(frame[otherOffset:]),
	}
	reserved := frame[5] | frame[6] | frame[7]
	switch {
	case reserved != 0 || header.Hops > HopsMax || header.Destination == header.Source:
		return Header{}, ErrMalformed
	case header.Hops == HopsMax && header.Other == Tag{}:
		return Header{}, ErrMalformed
	case header.Other == header.Source || header.Other == header.Destination:
		return Header{}, ErrMalformed
	case !isPayload(frame[HeaderSize:]):
		return Header{}, ErrPayload
	}
	return header, nil
}

// isPayload keeps frames out of frames, and everything else that is not the mesh's own.
func isPayload(payload []byte) bool {
	if len(payload) < 4 {
		return false
	}
	kind := binary.LittleEndian.Uint32(payload)
	return kind >= wireGuardTypeMin && kind <= wireGuardTypeMax || [4]byte(payload[:4]) == probe.Magic
}

// Wrap makes a frame in place: its payload is there already, after HeaderSize bytes.
func Wrap(frame []byte, header Header, key *HopKey) {
	copy(frame, Magic[:])
	frame[hopsOffset] = header.Hops
	frame[5], frame[6], frame[7] = 0, 0, 0
	copy(frame[destinationOffset:], header.Destination[:])
	copy(frame[sourceOffset:], header.Source[:])
	copy(frame[otherOffset:], header.Other[:])
	binary.LittleEndian.PutUint64(frame[codeOffset:], key.code(frame))
}

// Genuine tells whether the holder of a key has made a frame, which ReadHeader has read before.
func Genuine(frame []byte, key *HopKey) bool {
	return binary.LittleEndian.Uint64(frame[codeOffset:]) == key.code(frame)
}
