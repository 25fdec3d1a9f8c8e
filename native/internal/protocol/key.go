// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// KeySize is the length of every key in the protocol: they are all X25519 or symmetric.
const KeySize = 32

// A Key is base64 on the socket and bytes everywhere else.
type Key [KeySize]byte

var errNotAKey = errors.New("not a key of 32 bytes in base64")

// ParseKey accepts only the one canonical text of a key, so that equal keys have equal texts.
func ParseKey(text string) (Key, error) {
	var key Key
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != KeySize || len(text) != base64.StdEncoding.EncodedLen(KeySize) {
		return key, errNotAKey
	}
	copy(key[:], raw)
	return key, nil
}

func (key Key) String() string { return base64.StdEncoding.EncodeToString(key[:]) }

// MarshalText lets keys stand as they are in the documents that go out.
func (key Key) MarshalText() ([]byte, error) { return []byte(key.String()), nil }

// TransactionSize is the length of the random name of a probe.
const TransactionSize = 16

// A Transaction is hexadecimal on the socket.
type Transaction [TransactionSize]byte

var errNotATransaction = errors.New("not a transaction of 16 bytes in hexadecimal")

// ParseTransaction reads 32 lower-case hexadecimal digits.
func ParseTransaction(text string) (Transaction, error) {
	var transaction Transaction
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != TransactionSize || hex.EncodeToString(raw) != text {
		return transaction, errNotATransaction
	}
	copy(transaction[:], raw)
	return transaction, nil
}

func (t Transaction) String() string { return hex.EncodeToString(t[:]) }

// MarshalText lets transactions stand as they are in events.
func (t Transaction) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
