// SPDX-License-Identifier: Apache-2.0

// Package paths keeps, for one peer, which of its paths are alive and which one carries the traffic.
// It is a pure state machine: time is an argument, randomness is handed in, and what comes out is
// what a driver has to do and when to ask again.
package paths

import (
	"fmt"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// A Prober watches one peer.
type Prober struct {
	transaction func() protocol.Transaction

	idle   time.Duration
	paths  []*path
	active string

	busy       bool
	hasSession bool
	lastEcho   time.Time
	session    Session
}

// A Session is the last in-session echo that came back; the zero value says that none did.
type Session struct {
	Rtt time.Duration
	At  time.Time
}

// NewProber asks its randomness of the caller.
func NewProber(transaction func() protocol.Transaction) *Prober {
	return &Prober{transaction: transaction}
}

// Want sets the paths, most wanted first. Those that were there before keep what is known of them.
func (prober *Prober) Want(wanted []protocol.Path, idle time.Duration, now time.Time) []Action {
	prober.idle = idle
	kept := make([]*path, 0, len(wanted))
	for _, spec := range wanted {
		same := prober.find(spec.ID)
		if same == nil || !same.spec.Equal(spec) {
			same = newPath(spec, now)
		}
		kept = append(kept, same)
	}
	was := prober.find(prober.active)
	prober.paths = kept
	return prober.choose(was, CauseDesired, now)
}

// Observe tells what WireGuard's own counters say: whether there is traffic, and a session.
func (prober *Prober) Observe(busy, hasSession bool) {
	prober.busy, prober.hasSession = busy, hasSession
}

// Advance does what is due.
func (prober *Prober) Advance(now time.Time) (actions []Action) {
	for _, p := range prober.paths {
		if p.expire(now) {
			reason := fmt.Sprintf("%d probes in a row were not answered", missesMax)
			actions = append(actions, Fell{p.id, reason})
		}
	}
	actions = append(actions, prober.choose(prober.find(prober.active), CauseDown, now)...)
	for _, p := range prober.paths {
		if due := p.dueAt(prober.idle, prober.isBusy(p)); !due.IsZero() && !now.Before(due) {
			transaction := prober.transaction()
			p.sent(transaction, now)
			actions = append(actions, Ask{p.id, transaction})
		}
	}
	if due := prober.echoDue(); !due.IsZero() && !now.Before(due) {
		actions = append(actions, prober.echo(now))
	}
	return actions
}

// Answered takes a reply of the peer; it is nobody's if no path has asked for it.
func (prober *Prober) Answered(transaction protocol.Transaction, now time.Time) (actions []Action) {
	for _, p := range prober.paths {
		mine, rose := p.answered(transaction, now)
		if !mine {
			continue
		}
		if rose {
			actions = append(actions, Rose{p.id, p.rtt})
			actions = append(actions, prober.choose(prober.find(prober.active), CauseUp, now)...)
			// A handshake that went out, or was answered, before there was a way would be tried again only
			// after five seconds; and one that nobody has asked for, not before the first packet.
			if !prober.hasSession && p.id == prober.active {
				actions = append(actions, Handshake{}, prober.echo(now))
			}
		}
		break
	}
	return actions
}

// Echoed takes the answer to an in-session echo.
func (prober *Prober) Echoed(rtt time.Duration, now time.Time) {
	prober.session = Session{Rtt: rtt, At: now}
}

// NextDeadline is when Advance has something to do; zero is never.
func (prober *Prober) NextDeadline() (deadline time.Time) {
	for _, p := range prober.paths {
		deadline = earliest(deadline, p.dueAt(prober.idle, prober.isBusy(p)))
		deadline = earliest(deadline, p.nextTimeout())
	}
	return earliest(deadline, prober.echoDue())
}

// choose makes the first path that is up the active one; while none is up, the first that packets can
// leave over.
func (prober *Prober) choose(was *path, cause Cause, now time.Time) []Action {
	best := prober.best()
	from := prober.active
	if best == from {
		return nil
	}
	prober.active = best
	change := Switch{From: from, To: best, Cause: cause}
	if was != nil && was.phase == down && !was.lastReply.IsZero() {
		change.Gap = now.Sub(was.lastReply)
	}
	return []Action{change}
}

func (prober *Prober) best() string {
	for _, p := range prober.paths {
		if p.phase == up {
			return p.id
		}
	}
	for _, p := range prober.paths {
		if !p.stuck {
			return p.id
		}
	}
	if len(prober.paths) > 0 {
		return prober.paths[0].id
	}
	return ""
}

func (prober *Prober) find(id string) *path {
	for _, p := range prober.paths {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (prober *Prober) isBusy(p *path) bool { return prober.busy && p.id == prober.active }

// echoDue is never while the peer is idle: an idle peer is kept alive by probes alone.
func (prober *Prober) echoDue() time.Time {
	active := prober.find(prober.active)
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
