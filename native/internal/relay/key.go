// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/dchest/siphash"

	"meshgate.dev/native/internal/protocol"
)

// TagSize is the length of a tag.
const TagSize = 8

// A Tag names a host in a frame: the beginning of the SHA-256 of its WireGuard public key.
type Tag [TagSize]byte

// TagOf is the same on all hosts.
func TagOf(public protocol.Key) Tag {
	sum := sha256.Sum256(public[:])
	return Tag(sum[:TagSize])
}

// HopKeySize is that of SipHash.
const HopKeySize = 16

// A HopKey is what one host authenticates its frames to the next one with.
type HopKey struct{ k0, k1 uint64 }

// NewHopKey takes what the pair has derived.
func NewHopKey(derived [HopKeySize]byte) HopKey {
	return HopKey{binary.LittleEndian.Uint64(derived[:8]), binary.LittleEndian.Uint64(derived[8:])}
}

// code is SipHash-2-4 over the header and the payload's length. The payload is authenticated end to
// end; the code only says who asks for it to be carried, at a price that a hub can pay per packet.
func (key *HopKey) code(frame []byte) uint64 {
	var covered [codeOffset + 2]byte
	copy(covered[:], frame[:codeOffset])
	binary.BigEndian.PutUint16(covered[codeOffset:], uint16(len(frame)-HeaderSize))
	return siphash.Hash(key.k0, key.k1, covered[:])
}
