// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

var noon = time.Unix(1_700_000_000, 0)

func peerAt(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i >> 16)}), uint16(i))
}

func TestChannelsAreBoundedAndTheirNumbersRest(t *testing.T) {
	table := &newPeers().channels
	first, err := table.want(peerAt(0), noon)
	if err != nil || first.number != numberMin {
		t.Fatalf("%+v, %v", first, err)
	}
	for i := 1; i < PeersMax; i++ {
		if _, err := table.want(peerAt(i), noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.want(peerAt(PeersMax), noon); !errors.Is(err, errTooManyPeers) {
		t.Errorf("one more: %v", err)
	}
	table.keep(map[netip.AddrPort]bool{}, noon)
	if again, _ := table.want(peerAt(0), noon.Add(time.Second)); again != first {
		t.Error("a peer that comes back soon has another number")
	}
	table.keep(map[netip.AddrPort]bool{}, noon.Add(time.Second))
	numbers := map[uint16]bool{}
	for i := range 3 * PeersMax {
		now := noon.Add(2 * time.Second)
		made, err := table.want(peerAt(PeersMax+i), now)
		if err != nil {
			t.Fatal(err)
		}
		if numbers[made.number] = true; made.number < numberMin+PeersMax {
			t.Fatalf("number %x does not rest", made.number)
		}
		table.keep(map[netip.AddrPort]bool{}, now)
	}
	if _, err := table.want(peerAt(9_999), noon.Add(3*time.Second)); !errors.Is(err, errTooManyPeers) {
		t.Errorf("all numbers rest: %v", err)
	}
	if made, err := table.want(peerAt(9_999), noon.Add(2*restTime)); err != nil || len(table.byPeer) != 1 {
		t.Errorf("after their rest: %+v, %v, %d", made, err, len(table.byPeer))
	}
}

func TestPermissionsAreBounded(t *testing.T) {
	p := permissions{}
	addresses := []netip.Addr{}
	for i := range 2 * PeersMax {
		addresses = append(addresses, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	p.keep(addresses)
	if len(p) != PeersMax {
		t.Errorf("%d permissions", len(p))
	}
	kept := p[addresses[0]]
	if p.keep(addresses[:1]); len(p) != 1 || p[addresses[0]] != kept {
		t.Errorf("%d permissions left", len(p))
	}
}

func TestAGrantIsAskedForOncePerSessionAndRenewed(t *testing.T) {
	p := newPeers()
	_, _ = p.want(peerAt(1))
	p.keep([]netip.AddrPort{peerAt(1)}, []netip.Addr{netip.MustParseAddr("192.0.2.9")})
	wishes, _ := p.due(1, noon, defaultPace, 1)
	if more, next := p.due(1, noon, defaultPace, 8); len(wishes) != 1 || len(more) != 2 || !next.IsZero() {
		t.Errorf("%d, %d wishes, next %v", len(wishes), len(more), next)
	}
	all, _ := p.due(1, noon, defaultPace, 8)
	all[0].settle(1, noon, nil)
	all[1].settle(1, noon, errDown)
	if due, next := p.due(1, noon, defaultPace, 8); len(due) != 0 || next != noon.Add(defaultPace.again) {
		t.Errorf("%d wishes, next %v", len(due), next)
	}
	if due, _ := p.due(1, noon.Add(defaultPace.renew), defaultPace, 8); len(due) != 2 {
		t.Errorf("%d wishes when they have to be renewed", len(due))
	}
	if due, _ := p.due(2, noon, defaultPace, 8); len(due) != 2 {
		t.Errorf("%d wishes in a new session", len(due))
	}
}
