// SPDX-License-Identifier: Apache-2.0

// Package paths keeps, for one peer, which of its paths are alive and which one carries the traffic.
// It is a pure state machine: time is an argument, randomness is handed in, and what comes out is
// what a driver has to do and when to ask again.
package paths

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// A Prober watches one peer.
type Prober struct {
	transaction func() protocol.Transaction
	meter       Meter

	idle   time.Duration
	paths  []*path
	active *path
	// usedAt is since when that is the active one.
	usedAt    time.Time
	promotion promotion
	watch     watch
	doubt     doubt
	exam      examination
	// troubleSince is since when there is reason to ask the other paths; zero is none.
	troubleSince time.Time
	// hopeAt is when there was last reason to hope that what was down may be up.
	hopeAt time.Time
	// movedAt is when there was last reason to ask whether the paths still lead to the peer.
	movedAt   time.Time
	duplicate bool
	// doubled is the path that packets leave over as well.
	doubled *path

	// begun is where packets went before the prober was there; zero is nowhere.
	begun netip.AddrPort

	lastNumber uint8
	wokenUntil time.Time
	// busy peers have a flow of traffic; where it only trickles, each packet is watched and nothing is asked ahead.
	busy       bool
	trickles   bool
	hasSession bool
	lastEcho   time.Time
	session    Session
}

// A Session is the last in-session echo that came back; the zero value says that none did.
type Session struct {
	Rtt time.Duration
	At  time.Time
}

// NewProber asks its randomness of the caller, and what goes over a path.
func NewProber(transaction func() protocol.Transaction, meter Meter) *Prober {
	return &Prober{transaction: transaction, meter: meter}
}

// Want sets the paths, most wanted first. Those that were there before keep what is known of them.
func (prober *Prober) Want(wanted []protocol.Path, idle time.Duration, now time.Time) []Action {
	prober.idle = idle
	kept := make([]*path, 0, len(wanted))
	for _, spec := range wanted {
		same := prober.find(spec.ID)
		if same == nil || !same.spec.Equal(spec) {
			same = newPath(spec, prober.nextNumber(), now)
			prober.hope(now)
		}
		kept = append(kept, same)
	}
	prober.paths = kept
	if prober.active != nil && !slices.Contains(kept, prober.active) {
		// It may still be there under its old name, as another path.
		if same := prober.find(prober.active.id); same != nil {
			prober.active = same
		}
	}
	return prober.settle(prober.choose(CauseDesired, now))
}

// Observe tells what WireGuard's own counters say: what traffic there is, and whether there is a session.
func (prober *Prober) Observe(pulse Pulse, hasSession bool, now time.Time) {
	prober.busy, prober.trickles, prober.hasSession = pulse == Flow, pulse == Trickle, hasSession
	if prober.busy || prober.trickles && !prober.isAnyUp() {
		prober.hope(now)
	}
}

// Advance does what is due.
func (prober *Prober) Advance(now time.Time) (actions []Action) {
	prober.look(now)
	for _, p := range prober.paths {
		if p.expire(now) {
			reason := fmt.Sprintf("%d probes in a row were not answered", missesMax)
			actions = append(actions, Fell{p.id, reason})
		}
		if p == prober.active && p.misses > 0 {
			prober.trouble(now)
		}
	}
	actions = append(actions, prober.choose(CauseDown, now)...)
	actions = append(actions, prober.compare(now)...)
	actions = append(actions, prober.expirePromotion(now)...)
	for _, p := range prober.paths {
		if due := prober.dueAt(p); !due.IsZero() && !now.Before(due) {
			transaction := prober.transaction()
			p.sent(transaction, prober.meter.Sent(p.id), now)
			actions = append(actions, Ask{p.id, p.number, transaction})
		}
	}
	if due := prober.echoDue(); !due.IsZero() && !now.Before(due) {
		actions = append(actions, prober.echo(now))
	}
	return prober.settle(actions)
}

// Echoed takes the answer to an in-session echo.
func (prober *Prober) Echoed(rtt time.Duration, now time.Time) {
	prober.session = Session{Rtt: rtt, At: now}
	prober.hasSession = true
}

// NextDeadline is when Advance has something to do; zero is never.
func (prober *Prober) NextDeadline() (deadline time.Time) {
	for _, p := range prober.paths {
		deadline = earliest(deadline, prober.dueAt(p))
		deadline = earliest(deadline, p.nextTimeout())
	}
	deadline = earliest(deadline, prober.lookDue())
	deadline = earliest(deadline, prober.promotion.until)
	return earliest(deadline, prober.echoDue())
}

func (prober *Prober) find(id string) *path {
	for _, p := range prober.paths {
		if p.id == id {
			return p
		}
	}
	return nil
}

// echoDue is never while the peer is idle: an idle peer is kept alive by probes alone.
func (prober *Prober) echoDue() time.Time {
	active := prober.active
	if !prober.busy || active == nil || active.phase != up {
		return time.Time{}
	}
	if prober.lastEcho.IsZero() {
		return active.bornAt
	}
	return prober.lastEcho.Add(activePace)
}

func (prober *Prober) echo(now time.Time) Action {
	prober.lastEcho = now
	return Echo{}
}
