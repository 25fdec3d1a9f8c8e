// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/netip"
	"testing"
)

func TestWhatAMemberSendsIsCountedByTheWayItCame(t *testing.T) {
	mesh := newMesh(t, 3)
	a, hub, b := mesh[0], mesh[1], mesh[2]
	direct, over := b.table.Learn(a.tag, Way{Address: a.address}), b.table.Learn(a.tag, Way{Hub: hub.tag})
	b.table.Heard(a.address, 3, 1)
	b.table.Heard(netip.MustParseAddrPort("203.0.113.1:1"), 9, 9)
	frame := a.send(t, b.tag, hub.tag, Tag{}, transport)
	_, _ = hub.table.Read(frame, a.address, now)
	verdict, err := b.table.Read(frame, hub.address, now)
	if err != nil {
		t.Fatal(err)
	}
	verdict.Heard(true)
	if direct.Transport.Load() != 3 || direct.Handshakes.Load() != 1 || over.Transport.Load() != 1 || over.Handshakes.Load() != 0 {
		t.Errorf("direct %d and %d, over the hub %d and %d", direct.Transport.Load(), direct.Handshakes.Load(),
			over.Transport.Load(), over.Handshakes.Load())
	}
}

func TestLearnedWaysAreBoundedAndDesiredOnesStay(t *testing.T) {
	mesh := newMesh(t, 2)
	a, b := mesh[0], mesh[1]
	for port := range uint16(100) {
		a.table.Learn(b.tag, Way{Address: netip.AddrPortFrom(b.address.Addr(), 1000+port)})
	}
	known := a.table.members[b.tag]
	if len(known.arrivals) != learnedMax+1 || len(a.table.addresses) != learnedMax+1 || known.arrival(Way{Address: b.address}) == nil {
		t.Errorf("%d ways and %d addresses", len(known.arrivals), len(a.table.addresses))
	}
	a.table.Expect(b.tag, nil)
	if len(known.arrivals) != learnedMax || known.arrival(Way{Address: b.address}) != nil {
		t.Errorf("%d ways once none is desired", len(known.arrivals))
	}
	a.table.Remove(b.tag)
	if len(a.table.addresses) != 0 {
		t.Errorf("%d addresses of nobody", len(a.table.addresses))
	}
}
