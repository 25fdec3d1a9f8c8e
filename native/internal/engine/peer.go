// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/paths"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
	"meshgate.dev/native/internal/tunnel"
)

// A peer outlives devices: what is known of its paths is still true when a lost device is made again.
type peer struct {
	spec protocol.Peer
	own  protocol.Key
	// late are the prefixes that it may answer from although another peer has them.
	late     []netip.Prefix
	tag      relay.Tag
	endpoint *bind.PeerEndpoint
	carriers map[string]bind.Path
	ways     map[string]relay.Way
	hosts    *relay.Table
	prober   *paths.Prober
	// route is how the peer itself is reached, for what goes over it to others.
	route route

	pair    *probe.Pair
	window  *probe.Window
	replies *rate.Limiter
	heard   map[netip.AddrPort]time.Time
	asked   map[protocol.Transaction]candidate
	search  *search

	activity  paths.Activity
	echoBytes uint64
	counters  tunnel.Counters
	shown     figures
	deadline  time.Time
	heapPlace int
}

// A candidate was asked by `probe` and has not answered yet.
type candidate struct {
	endpoint netip.AddrPort
	sentAt   time.Time
}

func newPeer(pair *probe.Pair, started time.Time) *peer {
	p := &peer{
		endpoint:  &bind.PeerEndpoint{},
		pair:      pair,
		window:    probe.NewWindow(started),
		replies:   rate.NewLimiter(repliesPerPeerPerSecond, repliesPerPeerPerSecond),
		heard:     map[netip.AddrPort]time.Time{},
		asked:     map[protocol.Transaction]candidate{},
		heapPlace: unscheduled,
	}
	p.prober = paths.NewProber(newTransaction, p)
	return p
}

func newTransaction() (transaction protocol.Transaction) {
	_, _ = rand.Read(transaction[:])
	return transaction
}

// tellHeard bounds how often the agent is told that a peer speaks from an address.
func (p *peer) tellHeard(from netip.AddrPort, now time.Time) bool {
	if at, known := p.heard[from]; known && now.Sub(at) < heardPace {
		return false
	}
	if len(p.heard) >= heardMax {
		for address, at := range p.heard {
			if now.Sub(at) >= heardPace {
				delete(p.heard, address)
			}
		}
	}
	if len(p.heard) >= heardMax {
		return false
	}
	p.heard[from] = now
	return true
}

// leadsTo tells whether one of the peer's paths leads to an address.
func (p *peer) leadsTo(address netip.AddrPort) bool {
	return slices.ContainsFunc(p.spec.Paths, func(path protocol.Path) bool {
		return path.Kind == protocol.KindDirect && path.Endpoint == address
	})
}

// forgetAsked drops candidates that will not answer any more, and returns how many those were.
func (p *peer) forgetAsked(now time.Time) (dropped int) {
	for transaction, asked := range p.asked {
		if now.Sub(asked.sentAt) >= outstandingTime {
			delete(p.asked, transaction)
			dropped++
		}
	}
	return dropped
}
