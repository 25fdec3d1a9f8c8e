// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/crypto/chacha20poly1305"

	"meshgate.dev/native/internal/protocol"
)

// A frame:
//
//	0   4   magic
//	4   8   hint
//	12  24  nonce
//	36  n   sealed body, n = body + 16
const (
	hintOffset   = 4
	nonceOffset  = hintOffset + HintSize
	sealedOffset = nonceOffset + chacha20poly1305.NonceSizeX
	bodySize     = 56
	bodySizeMin  = 48

	// FrameSize is the length of a frame whose sender tells what it hears over this path, and of no other.
	FrameSize = sealedOffset + bodySize + chacha20poly1305.Overhead
	// FrameSizeMin is that of one that does not, and of its answer, which is never longer.
	FrameSizeMin = sealedOffset + bodySizeMin + chacha20poly1305.Overhead
	// FrameSizeFull is that of one with room for all reports and no padding.
	FrameSizeFull = sealedOffset + reportsOffset + ReportsMax*reportSize + chacha20poly1305.Overhead
	// FrameSizeMax is the longest frame that gets an answer: what a jumbo frame carries.
	FrameSizeMax = 9_032
)

// Magic begins every frame: "mgp" and the version.
var Magic = [4]byte{0x6d, 0x67, 0x70, 0x01}

// Kind tells questions from answers.
type Kind uint8

// The kinds of body.
const (
	Request Kind = 1
	Reply   Kind = 2
)

// A Body is what the two hosts say to each other.
type Body struct {
	Kind        Kind
	Stamp       uint64
	Transaction protocol.Transaction
	// Observed is, in a reply, where the request came from. It is zero in a request, and in the answer
	// to one that came over a hub.
	Observed netip.AddrPort
	// Heard is what its sender has heard of the receiver's WireGuard, over the path that this went.
	Heard Heard
	// Path is, in a request, by what number its sender calls the path that this goes over; 0 is none.
	Path uint8
	// Reports are of the pair's other paths as well. Room is for how many the frame is long enough, so that
	// as many fit in the answer.
	Reports Reports
	Room    int
	// Padding is how many bytes of no meaning follow, so that the frame measures what its way carries. They
	// count as room as long as there is not room for all reports.
	Padding int
}

// Heard are packets of WireGuard over one path, since the helper knows that path. Told is false if the
// sender does not say.
type Heard struct {
	// Transport counts those of sessions, Handshakes all others.
	Transport, Handshakes uint32
	Told                  bool
}

// NonceSize is how much randomness a frame needs.
const NonceSize = chacha20poly1305.NonceSizeX

// Why a frame gets no answer.
var (
	ErrMalformed = errors.New("malformed")
	ErrTooLong   = errors.New("too long")
	ErrUnsealed  = errors.New("seal is broken")
)

// Seal makes a frame for the peer.
func (pair *Pair) Seal(body Body, nonce [NonceSize]byte) []byte {
	frame := make([]byte, sealedOffset, FrameSize+body.Padding)
	copy(frame, Magic[:])
	copy(frame[hintOffset:], pair.outbound.hint[:])
	copy(frame[nonceOffset:], nonce[:])
	encoded := body.encode()
	plain := encoded[:]
	switch {
	case !body.Heard.Told:
		plain = plain[:bodySizeMin]
	case body.Path != 0 || body.Room+body.Reports.count > 0:
		plain = body.appendReports(plain)
	}
	plain = append(plain, make([]byte, body.Padding)...)
	return pair.outbound.aead.Seal(frame, nonce[:], plain, frame[:nonceOffset])
}

// HintOf reads whose frame this claims to be.
func HintOf(frame []byte) (Hint, error) {
	switch {
	case len(frame) > FrameSizeMax:
		return Hint{}, ErrTooLong
	case len(frame) < FrameSizeMin || [4]byte(frame[:4]) != Magic:
		return Hint{}, ErrMalformed
	}
	return Hint(frame[hintOffset:nonceOffset]), nil
}

// Open reads a frame of the peer. The caller still has to refuse stamps that it has seen.
func (pair *Pair) Open(frame []byte) (Body, error) {
	hint, err := HintOf(frame)
	if err != nil {
		return Body{}, err
	}
	if hint != pair.inbound.hint {
		return Body{}, ErrUnsealed
	}
	nonce := frame[nonceOffset:sealedOffset]
	plain, err := pair.inbound.aead.Open(nil, nonce, frame[sealedOffset:], frame[:nonceOffset])
	if err != nil {
		return Body{}, ErrUnsealed
	}
	return decode(plain)
}

// A body, of which a receiver ignores what follows:
//
//	0   1   kind
//	1   3   zero
//	4   8   stamp
//	12  16  transaction
//	28  16  observed address
//	44  2   observed port
//	46  2   zero
//	48  4   packets of sessions heard
//	52  4   other packets of WireGuard heard
func (body Body) encode() (plain [bodySize]byte) {
	plain[0] = byte(body.Kind)
	binary.BigEndian.PutUint64(plain[4:], body.Stamp)
	copy(plain[12:], body.Transaction[:])
	if body.Observed.IsValid() {
		address := body.Observed.Addr().As16()
		copy(plain[28:], address[:])
		binary.BigEndian.PutUint16(plain[44:], body.Observed.Port())
	}
	binary.BigEndian.PutUint32(plain[48:], body.Heard.Transport)
	binary.BigEndian.PutUint32(plain[52:], body.Heard.Handshakes)
	return plain
}

func decode(plain []byte) (Body, error) {
	body := Body{
		Kind:        Kind(plain[0]),
		Stamp:       binary.BigEndian.Uint64(plain[4:]),
		Transaction: protocol.Transaction(plain[12:28]),
	}
	if len(plain) >= bodySize {
		body.Heard = Heard{binary.BigEndian.Uint32(plain[48:]), binary.BigEndian.Uint32(plain[52:]), true}
	}
	if err := body.readReports(plain); err != nil {
		return Body{}, err
	}
	address := netip.AddrFrom16([16]byte(plain[28:44])).Unmap()
	port := binary.BigEndian.Uint16(plain[44:])
	reserved := plain[1]|plain[2]|plain[3]|plain[46]|plain[47] != 0
	switch {
	case reserved:
		return Body{}, ErrMalformed
	case body.Kind != Request && body.Kind != Reply:
		return Body{}, ErrMalformed
	case address == netip.IPv6Unspecified() && port == 0:
	case body.Kind == Reply && address != netip.IPv6Unspecified() && port != 0:
		body.Observed = netip.AddrPortFrom(address, port)
	default:
		return Body{}, ErrMalformed
	}
	return body, nil
}
