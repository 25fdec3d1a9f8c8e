// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
)

type probes struct {
	Description string          `json:"description"`
	Alice       keyPair         `json:"alice"`
	Bob         keyPair         `json:"bob"`
	Frames      []frameVector   `json:"frames"`
	Refused     []refusedVector `json:"refused"`
}

type keyPair struct {
	PrivateKey protocol.Key `json:"privateKey"`
	PublicKey  protocol.Key `json:"publicKey"`
}

type frameVector struct {
	From        string               `json:"from"`
	To          string               `json:"to"`
	Kind        string               `json:"kind"`
	Stamp       uint64               `json:"stamp"`
	Transaction protocol.Transaction `json:"transaction"`
	Observed    string               `json:"observed,omitempty"`
	Transport   uint32               `json:"transportHeard"`
	Handshakes  uint32               `json:"handshakesHeard"`
	Path        uint8                `json:"path,omitempty"`
	Reports     []reportVector       `json:"reports,omitempty"`
	Padding     int                  `json:"padding,omitempty"`
	NonceHex    string               `json:"nonceHex"`
	FrameHex    string               `json:"frameHex"`
}

type reportVector struct {
	Path       uint8  `json:"path"`
	SilentMs   int64  `json:"silentMs"`
	Transport  uint32 `json:"transportHeard"`
	Handshakes uint32 `json:"handshakesHeard"`
}

type refusedVector struct {
	Name     string `json:"name"`
	Reason   string `json:"reason"`
	FrameHex string `json:"frameHex"`
}

const probesDescription = "Sealed probes between alice and bob; the frame follows from the keys, the nonce and the body. " +
	"refused are frames to bob that get no answer, with the reason."

func buildProbes(t *testing.T) probes {
	alice, bob := keyOf(0xa1), keyOf(0xb2)
	all := probes{
		Description: probesDescription,
		Alice:       keyPair{alice, protocol.PublicKey(alice)}, Bob: keyPair{bob, protocol.PublicKey(bob)},
	}
	ofAlice, errAlice := probe.NewPair(alice, protocol.PublicKey(bob))
	ofBob, errBob := probe.NewPair(bob, protocol.PublicKey(alice))
	if err := errors.Join(errAlice, errBob); err != nil {
		t.Fatal(err)
	}
	var nonce [probe.NonceSize]byte
	for i := range nonce {
		nonce[i] = byte(i)
	}
	question := probe.Body{Kind: probe.Request, Stamp: 1_700_000_000_000_001, Transaction: transaction}
	reply := probe.Body{Kind: probe.Reply, Stamp: 1_700_000_000_000_002, Transaction: transaction}
	add := func(from, to string, pair *probe.Pair, body probe.Body) []byte {
		frame := pair.Seal(body, nonce)
		vector := frameVector{
			From: from, To: to, Kind: "request", Stamp: body.Stamp, Transaction: body.Transaction,
			Transport: body.Heard.Transport, Handshakes: body.Heard.Handshakes, Padding: body.Padding,
			NonceHex: hex.EncodeToString(nonce[:]), FrameHex: hex.EncodeToString(frame), Path: body.Path,
		}
		for _, report := range body.Reports.All() {
			vector.Reports = append(vector.Reports, reportVector{
				report.Path, report.Silent.Milliseconds(), report.Heard.Transport, report.Heard.Handshakes,
			})
		}
		if body.Kind == probe.Reply {
			vector.Kind = "reply"
		}
		if body.Observed.IsValid() {
			vector.Observed = body.Observed.String()
		}
		all.Frames = append(all.Frames, vector)
		return frame
	}
	genuine := add("alice", "bob", ofAlice, question)
	reply.Observed = endpoint("203.0.113.5:61000")
	add("bob", "alice", ofBob, reply)
	add("bob", "alice", ofBob, question)
	reply.Observed = endpoint("[2001:db8::5]:41820")
	add("alice", "bob", ofAlice, reply)
	reply.Observed = netip.AddrPort{}
	reply.Heard = probe.Heard{Transport: 70_000, Handshakes: 3, Told: true}
	add("bob", "alice", ofBob, reply)
	question.Heard = probe.Heard{Transport: ^uint32(0), Handshakes: 1, Told: true}
	add("alice", "bob", ofAlice, question)
	told := question
	told.Path, told.Room = 3, 2
	told.Reports.Add(probe.Report{Path: 1, Heard: probe.Heard{Transport: 9, Handshakes: 2}, Silent: 40 * time.Millisecond})
	told.Reports.Add(probe.Report{Path: 255, Silent: probe.SilentLong})
	add("alice", "bob", ofAlice, told)
	told.Room, told.Padding = probe.ReportsMax, 20
	add("alice", "bob", ofAlice, told)

	refuse := func(name string, reason error, frame []byte) {
		if _, err := ofBob.Open(frame); !errors.Is(err, reason) {
			t.Errorf("%s: %v, want %v", name, err, reason)
		}
		all.Refused = append(all.Refused, refusedVector{name, reason.Error(), hex.EncodeToString(frame)})
	}
	changed := func(offset int) []byte {
		frame := append([]byte{}, genuine...)
		frame[offset] ^= 1
		return frame
	}
	refuse("cut short", probe.ErrMalformed, genuine[:len(genuine)-1])
	refuse("another version", probe.ErrMalformed, changed(3))
	refuse("another pair's hint", probe.ErrUnsealed, changed(4))
	refuse("another nonce", probe.ErrUnsealed, changed(12))
	refuse("another body", probe.ErrUnsealed, changed(36))
	refuse("another tag", probe.ErrUnsealed, changed(len(genuine)-1))
	refuse("a byte more", probe.ErrUnsealed, append(append([]byte{}, genuine...), 0))
	refuse("bob's own frame sent back to him", probe.ErrUnsealed, ofBob.Seal(question, nonce))
	refuse("an unknown kind", probe.ErrMalformed, ofAlice.Seal(probe.Body{Kind: 3}, nonce))
	return all
}

type classification struct {
	Name        string `json:"name"`
	DatagramHex string `json:"datagramHex"`
	Class       string `json:"class"`
}

func buildClassifications() (all []classification) {
	stun := "2112a442" + "000102030405060708090a0b"
	for _, example := range []struct{ name, datagram string }{
		{"nothing", ""},
		{"three bytes", "010000"},
		{"a handshake initiation", "01000000"},
		{"a handshake response", "02000000"},
		{"a cookie reply", "03000000"},
		{"transport data", "04000000" + "01020304"},
		{"WireGuard has no type 5", "05000000"},
		{"WireGuard's reserved bytes are zero", "01000100"},
		{"a probe", "6d677001"},
		{"a probe of another version", "6d677002"},
		{"a relay frame", "6d677201"},
		{"a relay frame of another version", "6d677202"},
		{"a STUN request", "00010000" + stun},
		{"a STUN answer", "01010000" + stun},
		{"a STUN header cut short", "00010000" + stun[:len(stun)-2]},
		{"no STUN cookie", "0001000000000000000000000000000000000000"},
		{"a TURN channel", "40000000" + stun},
	} {
		datagram, _ := hex.DecodeString(example.datagram)
		all = append(all, classification{example.name, example.datagram, bind.Classify(datagram).String()})
	}
	return all
}
