// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"time"

	"meshgate.dev/native/internal/protocol"
)

// A path of a peer without a flow of traffic is asked for two reasons: so that NATs on the way keep it, and so that
// both ends know whether it is there. One question serves both ends, and a path over a hub needs none for NATs.
const (
	// contentGap is the least between two questions of a peer that is content with the answers: it asks again
	// sooner if it missed one.
	contentGap = 1500 * time.Millisecond
	// ownMin is how many waits one end lets the other ask, before it asks itself: that questions arrive does not say
	// that answers do.
	ownMin = 3
	// spread is by what part of the wait the end that was asked is earlier at most, so that they take turns, and
	// those that have asked at the same time do not do so again.
	spread = 8
	// sparePace is that of questions over a hub beyond the path that would take over.
	sparePace = 2 * time.Minute
	// A path that is down is asked each downPace, and after hopeShare of the time since there was last reason to
	// hope, up to downPaceMax, or the pace of keepalives where NATs are on the way: most outages are short, and some
	// hosts are away for days.
	hopeShare   = 4
	downPaceMax = 2 * time.Minute
)

// asked notes that the peer has asked over a path.
func (p *path) asked(now time.Time) {
	p.sharedAt = time.Time{}
	if now.Sub(p.askedAt) >= contentGap {
		p.sharedAt = now
	}
	p.askedAt = now
}

// idleDue is when to ask over a path that can wait: one that is settled, of a peer without a flow of traffic. The zero
// time is that it cannot.
func (prober *Prober) idleDue(p *path) time.Time {
	switch {
	case prober.busy || p.stuck || p.lastSent.IsZero():
		return time.Time{}
	case p.phase == down:
		return p.lastSent.Add(prober.downWait(p))
	case p.phase != up || p.misses > 0 || p.proof.doubts > 0:
		return time.Time{}
	}
	wait := prober.idle
	if p.spec.Kind == protocol.KindRelay && p != prober.active && p != prober.backup() {
		wait = max(wait, sparePace)
	}
	if !p.sharedAt.After(p.lastSent) {
		return p.lastSent.Add(wait)
	}
	// It is our turn: we wait a little less than the peer, which has asked last.
	turn := p.sharedAt.Add(wait - wait/spread*time.Duration(p.dice)/256)
	return earliest(turn, p.lastSent.Add(ownMin*wait))
}

func (prober *Prober) downWait(p *path) time.Duration {
	switch {
	case !p.fellAt.IsZero() && p.lastSent.Sub(p.fellAt) < freshTime:
		return freshPace
	case p.proof.carries == CarriesNothing:
		// It may carry frames for others all the same, whom its end concerns.
		return downPace
	}
	hope := later(prober.hopeAt, later(p.bornAt, p.fellAt))
	most := downPaceMax
	if p.spec.Kind != protocol.KindRelay {
		// What one end asks comes in only while the NAT at the other end remembers that this one asked as well.
		most = min(most, prober.idle)
	}
	return max(downPace, min(p.lastSent.Sub(hope)/hopeShare, most))
}

// hope is that something has changed for the peer, so that what was down may be up.
func (prober *Prober) hope(now time.Time) { prober.hopeAt = now }
