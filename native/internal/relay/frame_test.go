// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"errors"
	"testing"
)

func TestAFrameThatMakesNoSenseIsRefused(t *testing.T) {
	key := HopKey{1, 2}
	frame := func(header Header, payload []byte) []byte {
		made := append(make([]byte, HeaderSize), payload...)
		Wrap(made, header, &key)
		return made
	}
	whole := Header{Hops: 1, Destination: Tag{1}, Source: Tag{2}}
	good := frame(whole, transport)
	changed := func(offset int, value byte) []byte {
		frame := append([]byte{}, good...)
		frame[offset] = value
		return frame
	}
	for name, c := range map[string]struct {
		frame  []byte
		reason error
	}{
		"as it should be":                {good, nil},
		"nothing in it":                  {good[:HeaderSize], ErrMalformed},
		"another version":                {changed(3, 2), ErrMalformed},
		"reserved bytes":                 {changed(6, 1), ErrMalformed},
		"three hops":                     {changed(4, 3), ErrMalformed},
		"two hops, but one hub":          {changed(4, 2), ErrMalformed},
		"from and to the same":           {frame(Header{Hops: 1, Destination: Tag{1}, Source: Tag{1}}, transport), ErrMalformed},
		"over its own destination":       {frame(Header{Hops: 2, Destination: Tag{1}, Source: Tag{2}, Other: Tag{1}}, transport), ErrMalformed},
		"over its own source":            {frame(Header{Hops: 2, Destination: Tag{1}, Source: Tag{2}, Other: Tag{2}}, transport), ErrMalformed},
		"too much in it":                 {frame(whole, append([]byte{4, 0, 0, 0}, make([]byte, PayloadSizeMax)...)), ErrMalformed},
		"something else in it":           {frame(whole, []byte("GET / HTTP/1.1")), ErrPayload},
		"too little in it":               {frame(whole, []byte{4, 0, 0}), ErrPayload},
		"another frame in it":            {frame(whole, good), ErrPayload},
		"a STUN message or so in it":     {frame(whole, []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}), ErrPayload},
		"WireGuard of a type that is no": {frame(whole, []byte{5, 0, 0, 0}), ErrPayload},
	} {
		if _, err := ReadHeader(c.frame); !errors.Is(err, c.reason) {
			t.Errorf("%s: %v, want %v", name, err, c.reason)
		}
	}
}

func FuzzFrame(f *testing.F) {
	mesh := newMesh(f, 4)
	a, hub, second, b := mesh[0], mesh[1], mesh[2], mesh[3]
	f.Add(a.send(f, b.tag, hub.tag, Tag{}, transport))
	f.Add(a.send(f, b.tag, hub.tag, second.tag, sealed))
	f.Add(append(append([]byte{}, Magic[:]...), transport...))
	hop, _, _ := a.table.Hop(hub.tag)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) >= HeaderSize {
			// Half of the work is behind the code.
			signed := append([]byte{}, frame...)
			if header, err := ReadHeader(frame); err == nil {
				Wrap(signed, header, &hop.Key)
			}
			check(t, hub, signed, a)
		}
		check(t, hub, frame, a)
	})
}

func check(t *testing.T, hub host, frame []byte, from host) {
	before, err := ReadHeader(frame)
	verdict, refused := hub.table.Read(frame, from.address, now)
	switch {
	case refused != nil:
	case err != nil || verdict.Deliver || verdict.Next == nil:
		t.Errorf("%x is taken: %+v, %v", frame, verdict, err)
	default:
		after, err := ReadHeader(frame)
		if err != nil || after.Hops != before.Hops-1 || after.Source != from.tag || after.Destination != before.Destination {
			t.Errorf("%+v goes on as %+v, %v", before, after, err)
		}
	}
}
