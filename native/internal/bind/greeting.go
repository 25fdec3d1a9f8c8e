// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/moment"
)

const (
	typeInitiation = 1
	typeResponse   = 2

	// crossTime is how long after an initiation of ours one of the peer's may have left without knowing of it:
	// a round trip of the slowest links.
	crossTime = 600 * time.Millisecond
	// SettleTime is how long nobody has to ask whether a session that began is there: longer than it takes
	// until its counters are read.
	SettleTime = 5 * time.Second
)

// A greeting is what passes the port of WireGuard's handshakes with a peer. Where two initiations cross,
// each host drops what it had begun, answers the other one, and refuses the answer to its own: for five
// seconds nothing gets through. So of two hosts one prevails, and passes over what crosses its own.
type greeting struct {
	prevails atomic.Bool
	// initiated is when our initiation left, if nothing has come of it yet; settled is when a session last
	// began.
	initiated, settled moment.Noted
	// heard is the last initiation of the peer's, as a number.
	heard atomic.Uint64
}

// left is told of what leaves for the peer. Packets of handshakes leave alone.
func (g *greeting) left(packet []byte) {
	switch packet[0] {
	case typeInitiation:
		g.initiated.Note()
	case typeResponse:
		g.settle()
	case typeTransport:
		// Whose initiation was answered has a session, and says something in it at once.
		if _, open := g.initiated.Ago(); open {
			g.settle()
		}
	}
}

func (g *greeting) settle() {
	g.initiated.Forget()
	g.settled.Note()
}

// Prevail says whether it is our initiation that is answered if it crosses the peer's. It is said of a new
// peer, and when keys change: no session stands then.
func (endpoint *PeerEndpoint) Prevail(does bool) {
	endpoint.greeting.prevails.Store(does)
	endpoint.greeting.initiated.Forget()
	endpoint.greeting.settled.Forget()
}

// Initiated is how long ago an initiation of ours left of which nothing has come yet; false if there is none.
func (endpoint *PeerEndpoint) Initiated() (ago time.Duration, open bool) {
	return endpoint.greeting.initiated.Ago()
}

// Settled tells that a session has begun a moment ago, so that another handshake would only disturb it.
func (endpoint *PeerEndpoint) Settled() bool {
	ago, ever := endpoint.greeting.settled.Ago()
	return ever && ago < SettleTime
}

// undoes tells that a packet is an initiation that would undo a session: one that crosses ours, which prevails, or one
// that has come already.
func (b *Bind) undoes(packet []byte, from conn.Endpoint) bool {
	if packet[0] != typeInitiation {
		return false
	}
	peer := b.Sender(from)
	if peer == nil {
		return false
	}
	return peer.greeting.repeats(packet) || peer.crosses()
}

func (endpoint *PeerEndpoint) crosses() bool {
	ago, open := endpoint.Initiated()
	return open && ago < crossTime && endpoint.greeting.prevails.Load()
}

var initiationSeed = maphash.MakeSeed()

// repeats tells that an initiation is the last one once more: while a path is in doubt packets leave twice, and a hub may
// double them. WireGuard knows one that it has answered, but may answer both where they come at once, each with a session
// of its own, of which the first answer's, which the peer goes on with, is forgotten. All of the packet counts, or
// whoever is quicker than the peer could keep its own from being heard.
func (g *greeting) repeats(initiation []byte) bool {
	sum := maphash.Bytes(initiationSeed, initiation)
	return g.heard.Swap(sum) == sum
}
