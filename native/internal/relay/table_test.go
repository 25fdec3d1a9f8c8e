// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/dchest/siphash"
)

func TestTheCodeIsSipHashAsPublished(t *testing.T) {
	message := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
	if got := siphash.Hash(0x0706050403020100, 0x0f0e0d0c0b0a0908, message); got != 0xa129ca6149be45e5 {
		t.Errorf("got %x", got)
	}
}

func TestAFrameGoesOverOneHub(t *testing.T) {
	mesh := newMesh(t, 3)
	a, hub, b := mesh[0], mesh[1], mesh[2]
	for _, payload := range [][]byte{transport, sealed} {
		frame := a.send(t, b.tag, hub.tag, Tag{}, payload)
		verdict, err := hub.table.Read(frame, a.address, now)
		if err != nil || verdict.Next == nil || verdict.Next.AddrPort != b.address {
			t.Fatalf("the hub says %+v, %v", verdict, err)
		}
		verdict, err = b.table.Read(frame, hub.address, now)
		if err != nil || !verdict.Deliver || verdict.Source.Tag != a.tag || verdict.Way != (Way{Hub: hub.tag}) {
			t.Errorf("the destination says %+v, %v", verdict, err)
		}
	}
	if counted := hub.table.Counters(); counted.Frames != 2 || counted.Bytes != uint64(len(transport)+len(sealed)+2*HeaderSize) {
		t.Errorf("the hub has counted %+v", counted)
	}
}

func TestAFrameGoesOverTwoHubsAndItsAnswerBackOverTheSame(t *testing.T) {
	mesh := newMesh(t, 4)
	a, first, second, b := mesh[0], mesh[1], mesh[2], mesh[3]
	frame := a.send(t, b.tag, first.tag, second.tag, transport)
	if verdict, err := first.table.Read(frame, a.address, now); err != nil || verdict.Next.AddrPort != second.address {
		t.Fatalf("the first hub says %+v, %v", verdict, err)
	}
	if verdict, err := second.table.Read(frame, first.address, now); err != nil || verdict.Next.AddrPort != b.address {
		t.Fatalf("the second hub says %+v, %v", verdict, err)
	}
	verdict, err := b.table.Read(frame, second.address, now)
	if want := (Way{Hub: second.tag, Other: first.tag}); err != nil || verdict.Way != want {
		t.Fatalf("the destination says %+v, %v", verdict, err)
	}
	answer := b.send(t, verdict.Source.Tag, verdict.Way.Hub, verdict.Way.Other, sealed)
	if verdict, err := second.table.Read(answer, b.address, now); err != nil || verdict.Next.AddrPort != first.address {
		t.Errorf("on the way back the second hub says %+v, %v", verdict, err)
	}
}

func TestWhatIsNotTheSendersToSendIsRefused(t *testing.T) {
	mesh := newMesh(t, 5)
	a, hub, second, b, mallory := mesh[0], mesh[1], mesh[2], mesh[3], mesh[4]
	stranger := netip.MustParseAddrPort("203.0.113.1:1")
	wrong := func(mistake func(header *Header)) []byte {
		header := Header{Hops: 1, Destination: b.tag, Source: mallory.tag}
		mistake(&header)
		hop, _, _ := mallory.table.Hop(hub.tag)
		frame := append(make([]byte, HeaderSize), transport...)
		Wrap(frame, header, &hop.Key)
		return frame
	}
	genuine := a.send(t, b.tag, hub.tag, Tag{}, transport)
	longer := append(append([]byte{}, genuine...), 0)
	for name, c := range map[string]struct {
		frame  []byte
		from   netip.AddrPort
		reason error
	}{
		"from an unknown address":           {genuine, stranger, ErrUnknownSender},
		"from another member's address":     {genuine, mallory.address, ErrCode},
		"with another length":               {longer, a.address, ErrCode},
		"in another's name":                 {wrong(func(h *Header) { h.Source = a.tag }), mallory.address, ErrMisrouted},
		"in another hub's name":             {wrong(func(h *Header) { h.Source, h.Other = a.tag, second.tag }), mallory.address, ErrMisrouted},
		"on its last hop for somebody else": {wrong(func(h *Header) { h.Hops = 0 }), mallory.address, ErrMisrouted},
		"to the hub, but with hops left":    {wrong(func(h *Header) { h.Destination = hub.tag }), mallory.address, ErrMisrouted},
		"its own, as if it was relayed":     {wrong(func(h *Header) { h.Hops, h.Destination = 0, hub.tag }), mallory.address, ErrMisrouted},
		"from nobody":                       {wrong(func(h *Header) { h.Hops, h.Destination, h.Source = 0, hub.tag, Tag{9} }), mallory.address, ErrUnknownSource},
		"to nobody":                         {wrong(func(h *Header) { h.Destination = Tag{9} }), mallory.address, ErrNoWay},
		"over nobody":                       {wrong(func(h *Header) { h.Hops, h.Other = 2, Tag{9} }), mallory.address, ErrNoWay},
	} {
		if verdict, err := hub.table.Read(c.frame, c.from, now); !errors.Is(err, c.reason) {
			t.Errorf("%s: %+v, %v, want %v", name, verdict, err, c.reason)
		}
	}
}

func TestAHubForwardsOnlyWhereItHasADirectPathAndOnlyIfItIsOne(t *testing.T) {
	mesh := newMesh(t, 3)
	a, hub, b := mesh[0], mesh[1], mesh[2]
	hub.table.Route(b.tag, nil)
	if _, err := hub.table.Read(a.send(t, b.tag, hub.tag, Tag{}, transport), a.address, now); !errors.Is(err, ErrNoWay) {
		t.Errorf("without a direct path: %v", err)
	}
	hub.table.Forward(false)
	if _, err := hub.table.Read(a.send(t, b.tag, hub.tag, Tag{}, transport), a.address, now); !errors.Is(err, ErrNoRelay) {
		t.Errorf("without relaying: %v", err)
	}
	if counted := hub.table.Counters(); counted.Dropped != 1 || counted.Refused != 1 {
		t.Errorf("counted %+v", counted)
	}
}

func TestAMemberThatLiesAboutItsAddressDoesNotMakeAnotherMute(t *testing.T) {
	mesh := newMesh(t, 4)
	a, hub, b, mallory := mesh[0], mesh[1], mesh[2], mesh[3]
	hub.table.Learn(mallory.tag, Way{Address: a.address})
	if _, err := hub.table.Read(a.send(t, b.tag, hub.tag, Tag{}, transport), a.address, now); err != nil {
		t.Error(err)
	}
}
