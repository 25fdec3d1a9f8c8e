// SPDX-License-Identifier: Apache-2.0

// Package probe is the sealed probe of PROTOCOL.md: a question that only the two hosts of a pair can
// ask and answer, and that is noise to everybody else.
package probe

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/curve25519"

	"meshgate.dev/native/internal/protocol"
)

const salt = "meshgate probe v1"

// HintSize is the length of the name of one direction of a pair.
const HintSize = 8

// HopKeySize is the length of the key of one direction's relay frames.
const HopKeySize = 16

// A Hint tells a receiver which pair a frame belongs to, without telling an onlooker.
type Hint [HintSize]byte

// A direction is one half of a pair: the frames of one sender to one receiver.
type direction struct {
	hint Hint
	aead cipher.AEAD
	hop  [HopKeySize]byte
}

// A Pair is what two hosts share. It holds no state and may be used from many goroutines.
type Pair struct {
	outbound direction
	inbound  direction
}

// ErrWeakKey refuses public keys with which everybody has the same secret.
var ErrWeakKey = errors.New("the public key has no secret with ours")

// NewPair derives the keys of both directions.
func NewPair(private, peer protocol.Key) (*Pair, error) {
	shared, err := curve25519.X25519(private[:], peer[:])
	if err != nil {
		return nil, ErrWeakKey
	}
	prk, err := hkdf.Extract(sha256.New, shared, []byte(salt))
	if err != nil {
		return nil, err
	}
	own := protocol.PublicKey(private)
	pair := &Pair{}
	if pair.outbound, err = derive(prk, own, peer); err != nil {
		return nil, err
	}
	pair.inbound, err = derive(prk, peer, own)
	return pair, err
}

func derive(prk []byte, sender, receiver protocol.Key) (direction, error) {
	info := string(sender[:]) + string(receiver[:])
	okm, err := hkdf.Expand(sha256.New, prk, info, chacha20poly1305.KeySize+HintSize)
	if err != nil {
		return direction{}, err
	}
	hop, err := hkdf.Expand(sha256.New, prk, info+"hop", HopKeySize)
	if err != nil {
		return direction{}, err
	}
	aead, err := chacha20poly1305.NewX(okm[:chacha20poly1305.KeySize])
	hint := Hint(okm[chacha20poly1305.KeySize:])
	return direction{hint: hint, aead: aead, hop: [HopKeySize]byte(hop)}, err
}

// InboundHint is what the peer's frames to us carry.
func (pair *Pair) InboundHint() Hint { return pair.inbound.hint }

// HopKeys are those of relay frames to the peer and from it, where it is the next host on their way.
func (pair *Pair) HopKeys() (outbound, inbound [HopKeySize]byte) {
	return pair.outbound.hop, pair.inbound.hop
}
