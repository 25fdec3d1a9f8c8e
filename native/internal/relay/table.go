// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
)

// Keys are those of the hops between us and one other host.
type Keys struct{ Outbound, Inbound HopKey }

// A Host is another member, as far as frames go. It is replaced and never changed, so that it may be
// read without a lock.
type Host struct {
	Tag  Tag
	Keys Keys
	// Endpoint is what wireguard-go knows the host by.
	Endpoint conn.Endpoint
}

// A member is a host and what changes of it.
type member struct {
	host Host
	// direct is where its own active path leads; nil while it has none.
	direct *conn.StdNetEndpoint
	// turned is the way to it over a TURN server of ours; nil while there is none.
	turned   Carrier
	arrivals []*Arrival
}

// A Table knows the members. It serves sending, receiving and forwarding alike.
type Table struct {
	mutex sync.RWMutex
	own   Tag
	// troubling is sampled: a flood must not cost an allocation a frame.
	troubling atomic.Pointer[netip.AddrPort]
	members   map[Tag]*member
	// addresses are the arrivals over no hub.
	addresses map[Way][]*Arrival
	// sources counts those among them that have a source.
	sources atomic.Int32

	forwarding atomic.Bool
	allowance  *allowance
	counters   counters
}

// NewTable is empty, and does not forward.
func NewTable() *Table {
	return &Table{
		members: map[Tag]*member{}, addresses: map[Way][]*Arrival{}, allowance: newAllowance(),
	}
}

// Forward makes this host a hub, or ends that.
func (t *Table) Forward(on bool) { t.forwarding.Store(on) }

// Forwarding tells whether this host is a hub.
func (t *Table) Forwarding() bool { return t.forwarding.Load() }

// Troubling is where a frame came from lately that was refused, or not passed on; the zero address is nowhere.
func (t *Table) Troubling() (from netip.AddrPort) {
	if known := t.troubling.Load(); known != nil {
		from = *known
	}
	return from
}

// Own is who we are.
func (t *Table) Own() Tag {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return t.own
}

// SetOwn says who we are.
func (t *Table) SetOwn(own Tag) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.own = own
}

// Put adds a member, or gives it new keys.
func (t *Table) Put(host Host) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known := t.members[host.Tag]; known != nil {
		known.host = host
		return
	}
	t.members[host.Tag] = &member{host: host}
}

// Remove forgets a member.
func (t *Table) Remove(tag Tag) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if gone := t.members[tag]; gone != nil {
		for _, arrival := range gone.arrivals {
			t.unlist(arrival)
		}
		delete(t.members, tag)
	}
}

// Route says where a member's own direct path leads; nil is nowhere.
func (t *Table) Route(tag Tag, direct *conn.StdNetEndpoint) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known := t.members[tag]; known != nil {
		known.direct = direct
	}
}

// A Carrier takes frames to a member by another way than the one port.
type Carrier interface {
	// Send sends a batch, which is the caller's again when it returns.
	Send(frames [][]byte) error
	// Endpoint is the transport address that they leave for.
	Endpoint() netip.AddrPort
}

// RouteOver says what leads to a member over a TURN server; nil is nothing. Our own frames go there while the
// member has no direct path. What is for others never does: a hub is one for what its own port reaches.
func (t *Table) RouteOver(tag Tag, over Carrier) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known := t.members[tag]; known != nil {
		known.turned = over
	}
}

// A Hop is how a frame of our own leaves: from the one port to an endpoint, or else by a carrier.
type Hop struct {
	Endpoint *conn.StdNetEndpoint
	Over     Carrier
	Key      HopKey
}

// To is the transport address that frames leave for.
func (hop Hop) To() netip.AddrPort {
	if hop.Endpoint != nil {
		return hop.Endpoint.AddrPort
	}
	return hop.Over.Endpoint()
}

// Hop is the way to a member that has a direct path, or is reached over a TURN server.
func (t *Table) Hop(tag Tag) (hop Hop, own Tag, ok bool) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	known := t.members[tag]
	if known == nil || known.direct == nil && known.turned == nil {
		return Hop{}, t.own, false
	}
	return Hop{known.direct, known.turned, known.host.Keys.Outbound}, t.own, true
}

// A Verdict is what becomes of a frame.
type Verdict struct {
	// Deliver is set if the frame is ours; its payload came from Source, over Way.
	Deliver bool
	Source  Host
	Arrival *Arrival
	Way     Way
	// Next is set if the frame goes on there; it has been rewritten for it.
	Next *conn.StdNetEndpoint
}

// Heard counts a packet of WireGuard that was delivered.
func (verdict Verdict) Heard(transport bool) {
	switch {
	case verdict.Arrival == nil:
	case transport:
		verdict.Arrival.Count(1, 0)
	default:
		verdict.Arrival.Count(0, 1)
	}
}

// Read judges a frame that came from an address, and counts it.
func (t *Table) Read(frame []byte, from netip.AddrPort, now time.Time) (Verdict, error) {
	return t.ReadOver(frame, Way{Address: from}, now)
}

// ReadOver is the same for a frame that may have come over a TURN server.
func (t *Table) ReadOver(frame []byte, over Way, now time.Time) (Verdict, error) {
	verdict, err := t.judge(frame, over, now)
	if n := t.counters.count(verdict, err, len(frame)); n%sampleEvery == 1 {
		// A copy, because what a pointer leads to is allocated, for each frame if that is the argument.
		known := over.Address
		t.troubling.Store(&known)
	}
	return verdict, err
}

func (t *Table) judge(frame []byte, over Way, now time.Time) (Verdict, error) {
	header, err := ReadHeader(frame)
	if err != nil {
		return Verdict{}, err
	}
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	sender, err := t.senderOf(frame, over)
	if err != nil {
		return Verdict{}, err
	}
	// Everybody sends only what is theirs: the origin its own frames, and the first hub those that it
	// has noted itself on.
	rightful := sender.host.Tag == header.Source
	if header.Hops == 1 && header.Other != (Tag{}) {
		rightful = sender.host.Tag == header.Other
	}
	if header.Hops == 0 {
		rightful = header.Destination == t.own && sender.host.Tag != header.Source && sender.host.Tag != header.Other
	}
	if !rightful || header.Source == t.own || (header.Destination == t.own) != (header.Hops == 0) {
		return Verdict{}, ErrMisrouted
	}
	if header.Hops == 0 {
		return t.deliver(header, sender)
	}
	return t.forward(frame, header, sender, now)
}

func (t *Table) senderOf(frame []byte, over Way) (*member, error) {
	candidates := t.addresses[over]
	if len(candidates) == 0 {
		return nil, ErrUnknownSender
	}
	for _, candidate := range candidates {
		sender := candidate.member
		if Genuine(frame, &sender.host.Keys.Inbound) {
			return sender, nil
		}
	}
	return nil, ErrCode
}

func (t *Table) deliver(header Header, sender *member) (Verdict, error) {
	source := t.members[header.Source]
	if source == nil {
		return Verdict{}, ErrUnknownSource
	}
	way := Way{Hub: sender.host.Tag, Other: header.Other}
	return Verdict{Deliver: true, Source: source.host, Way: way, Arrival: source.arrival(way)}, nil
}

func (t *Table) forward(frame []byte, header Header, sender *member, now time.Time) (Verdict, error) {
	if !t.forwarding.Load() {
		return Verdict{}, ErrNoRelay
	}
	towards := header.Destination
	if header.Hops == HopsMax {
		towards, header.Other = header.Other, t.own
	}
	next := t.members[towards]
	if next == nil || next.direct == nil || next == sender {
		return Verdict{}, ErrNoWay
	}
	if !t.allowance.take(account{sender.host.Tag, header.Source}, len(frame), now) {
		return Verdict{}, ErrTooMuch
	}
	header.Hops--
	Wrap(frame, header, &next.host.Keys.Outbound)
	return Verdict{Next: next.direct}, nil
}
