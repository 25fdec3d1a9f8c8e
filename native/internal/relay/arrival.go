// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/moment"
)

// A Way is how a member's packets reach us: from an address, or over hubs. It is the same path that
// ours to the member take, seen from its end.
type Way struct {
	// Address is where they come from if no hub is between, as a TURN server sees it if one is.
	Address netip.AddrPort
	// Server is the id of that TURN server.
	Server string
	// Channel is set if they come over a data channel to the member.
	Channel bool
	// Socket is the punched socket at which they arrive, by its port; 0 is the one port.
	Socket int
	// Source is the address of ours at which they arrive, where a path of ours leaves from it; the zero
	// address is any other.
	Source netip.Addr
	// Hub is the one that hands them to us, and Other the one before it, if there is one.
	Hub, Other Tag
}

// An Arrival counts what a member's WireGuard sends to us over one way.
type Arrival struct {
	member *member
	way    Way
	// desired arrivals belong to a path; the others were learned from a genuine probe.
	desired bool

	// Transport counts packets of sessions, Handshakes all others.
	Transport  atomic.Uint32
	Handshakes atomic.Uint32
	// number is what the member calls the path that this is to it; 0 is not known.
	number atomic.Uint32
	// heardAt is when one last came.
	heardAt moment.Noted
}

// Count notes packets that have come.
func (a *Arrival) Count(transport, handshakes uint32) {
	a.Transport.Add(transport)
	a.Handshakes.Add(handshakes)
	a.heardAt.Note()
}

// Number is what the member calls the path that this is to it; 0 is not known.
func (a *Arrival) Number() uint8 { return uint8(a.number.Load()) }

// HeardAt is when a packet last came; the zero time is never.
func (a *Arrival) HeardAt() time.Time { return a.heardAt.At() }

const (
	// learnedMax bounds the ways of one member that no path of ours has.
	learnedMax = 8
	// candidatesMax bounds the members behind one address. There is one, unless somebody lies about
	// where it is, which must not make the other one mute.
	candidatesMax = 16
)

// Expect says over which ways a member's paths lead; what was learned stays.
func (t *Table) Expect(tag Tag, ways []Way) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	known := t.members[tag]
	if known == nil {
		return
	}
	for _, arrival := range known.arrivals {
		arrival.desired = slices.Contains(ways, arrival.way)
	}
	known.arrivals = slices.DeleteFunc(known.arrivals, func(arrival *Arrival) bool {
		isOver := arrival.way.Source.IsValid() && !arrival.desired
		if isOver {
			t.unlist(arrival)
		}
		return isOver
	})
	for _, way := range ways {
		if arrival := known.arrival(way); arrival != nil {
			arrival.desired = true
			continue
		}
		t.list(known, &Arrival{way: way, desired: true})
	}
	for t.trim(known) {
	}
}

// Learn notes that a genuine probe of a member came over a way, and gives what is counted there.
func (t *Table) Learn(tag Tag, way Way) *Arrival {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	known := t.members[tag]
	if known == nil {
		return nil
	}
	if arrival := known.arrival(way); arrival != nil {
		return arrival
	}
	arrival := &Arrival{way: way}
	t.list(known, arrival)
	t.trim(known)
	return arrival
}

// Name notes what a member calls one of its paths, by which a probe of it came. A number that it has
// used for another one before means that it has given that up.
func (t *Table) Name(tag Tag, arrival *Arrival, number uint8) {
	if number == 0 || arrival.Number() == number {
		return
	}
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if known := t.members[tag]; known != nil {
		for _, other := range known.arrivals {
			other.number.CompareAndSwap(uint32(number), 0)
		}
	}
	arrival.number.Store(uint32(number))
}

// Named are a member's ways of which it is known what it calls them.
func (t *Table) Named(tag Tag) (named []*Arrival) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if known := t.members[tag]; known != nil {
		for _, arrival := range known.arrivals {
			if arrival.Number() != 0 {
				named = append(named, arrival)
			}
		}
	}
	return named
}

// Arrival is what is counted of a member's way; nil if it is not known.
func (t *Table) Arrival(tag Tag, way Way) *Arrival {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if known := t.members[tag]; known != nil {
		return known.arrival(way)
	}
	return nil
}

// At is what WireGuard knows the member by whose packets come over a way that has no hub; nil if there is
// none, or more than one.
func (t *Table) At(way Way) conn.Endpoint {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if known := t.addresses[way]; len(known) == 1 {
		return known[0].member.host.Endpoint
	}
	return nil
}

// trim forgets the oldest of too many learned ways, and tells whether there was one.
func (t *Table) trim(m *member) bool {
	learned := 0
	for _, arrival := range slices.Backward(m.arrivals) {
		if arrival.desired {
			continue
		}
		if learned++; learned > learnedMax {
			t.unlist(arrival)
			m.arrivals = slices.DeleteFunc(m.arrivals, func(a *Arrival) bool { return a == arrival })
			return true
		}
	}
	return false
}

func (m *member) arrival(way Way) *Arrival {
	for _, arrival := range m.arrivals {
		if arrival.way == way {
			return arrival
		}
	}
	return nil
}

func (t *Table) list(known *member, arrival *Arrival) {
	arrival.member = known
	known.arrivals = append(known.arrivals, arrival)
	if arrival.way.Source.IsValid() {
		t.sources.Add(1)
	}
	if way := arrival.way; way.Address.IsValid() && len(t.addresses[way]) < candidatesMax {
		t.addresses[way] = append(t.addresses[way], arrival)
	}
}

func (t *Table) unlist(arrival *Arrival) {
	if arrival.way.Source.IsValid() {
		t.sources.Add(-1)
	}
	left := slices.DeleteFunc(t.addresses[arrival.way], func(a *Arrival) bool { return a == arrival })
	if len(left) == 0 {
		delete(t.addresses, arrival.way)
		return
	}
	t.addresses[arrival.way] = left
}

// HasSources tells whether any path leaves from an address of its own.
func (t *Table) HasSources() bool { return t.sources.Load() > 0 }

// Known is the same way without the address of ours if no path leaves from that: only what leaves apart is told apart.
func (t *Table) Known(way Way) Way {
	if !way.Source.IsValid() {
		return way
	}
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	if len(t.addresses[way]) == 0 {
		way.Source = netip.Addr{}
	}
	return way
}

// Heard counts packets of WireGuard that came straight from an address.
func (t *Table) Heard(address netip.AddrPort, transport, handshakes uint32) {
	t.HeardOver(Way{Address: address}, transport, handshakes)
}

// HeardOver is the same for packets that may have come over a TURN server.
func (t *Table) HeardOver(way Way, transport, handshakes uint32) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	for _, arrival := range t.addresses[way] {
		arrival.Count(transport, handshakes)
	}
}
