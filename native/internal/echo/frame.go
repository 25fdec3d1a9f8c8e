// SPDX-License-Identifier: Apache-2.0

// Package echo measures round trips inside the WireGuard session, between mesh addresses. Whoever
// answers has decrypted the question and encrypted the answer, which is what a probe cannot show.
package echo

import "encoding/binary"

// Port is where every member answers.
const Port = 4862

// A frame:
//
//	0  4  magic
//	4  1  kind
//	5  3  zero
//	8  8  id
//	16    padding
const (
	// FrameSizeMin is the length of a frame without padding.
	FrameSizeMin = 16
	kindOffset   = 4
	idOffset     = 8
)

const (
	request byte = 1
	reply   byte = 2
)

var magic = [4]byte{'m', 'g', 'e', '1'}

// newRequest makes a frame of the given length.
func newRequest(id uint64, size int) []byte {
	frame := make([]byte, max(size, FrameSizeMin))
	copy(frame, magic[:])
	frame[kindOffset] = request
	binary.BigEndian.PutUint64(frame[idOffset:], id)
	return frame
}

// parse reads the fixed part; padding may be anything.
func parse(frame []byte) (kind byte, id uint64, ok bool) {
	if len(frame) < FrameSizeMin || [4]byte(frame[:4]) != magic {
		return 0, 0, false
	}
	kind = frame[kindOffset]
	reserved := frame[kindOffset+1] | frame[kindOffset+2] | frame[kindOffset+3]
	if kind != request && kind != reply || reserved != 0 {
		return 0, 0, false
	}
	return kind, binary.BigEndian.Uint64(frame[idOffset:]), true
}

// intoReply turns a request into its reply, padding and all.
func intoReply(frame []byte) { frame[kindOffset] = reply }

const (
	headersIPv4      = 20 + 8
	headersIPv6      = 40 + 8
	paddingMultiple  = 16
	wireGuardMessage = 32
)

// CarriedSize is how many bytes WireGuard counts for a frame.
func CarriedSize(frame int, ipv6 bool) uint64 {
	packet := frame + headersIPv4
	if ipv6 {
		packet = frame + headersIPv6
	}
	padded := (packet + paddingMultiple - 1) / paddingMultiple * paddingMultiple
	return uint64(padded + wireGuardMessage)
}
