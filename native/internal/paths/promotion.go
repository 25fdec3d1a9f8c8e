// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

const reasonNothing = "carries nothing"

// A promotion is the trial of a more wanted path, while the active one still carries everything. The
// zero value is none.
type promotion struct {
	path  *path
	cause Cause
	until time.Time
}

// promote starts a trial: from here on packets leave over both paths.
func (prober *Prober) promote(candidate *path, cause Cause, now time.Time) []Action {
	if prober.promotion.path == candidate {
		return nil
	}
	prober.promotion = promotion{candidate, cause, now.Add(max(promotionTime, answerTimeRtts*candidate.rtt))}
	candidate.proof.begin(prober.sent(candidate.id))
	return append([]Action{Double{candidate.id}}, prober.stir(now)...)
}

// stir makes packets for a path to prove itself with. What there is of traffic is enough.
func (prober *Prober) stir(now time.Time) []Action {
	if !prober.hasSession && prober.active.proof.carries != CarriesTraffic {
		return []Action{Handshake{}, prober.echo(now)}
	}
	return []Action{prober.echo(now)}
}

// endPromotion goes back to one path.
func (prober *Prober) endPromotion() []Action {
	if prober.promotion.path == nil {
		return nil
	}
	prober.promotion = promotion{}
	return []Action{Double{}}
}

// isOnTrial tells whether packets leave over a path, so that it can prove something.
func (prober *Prober) isOnTrial(p *path) bool {
	return p.phase == up && (p == prober.active || p == prober.promotion.path)
}

// weigh looks at what the peer has just said of a path.
func (prober *Prober) weigh(p *path, heard bool, now time.Time) (actions []Action) {
	switch {
	case heard && p == prober.promotion.path:
		cause := prober.promotion.cause
		actions = prober.endPromotion()
		return append(actions, prober.use(p, cause, now)...)
	case !prober.isOnTrial(p):
		p.proof.doubts = 0
	case p.proof.isSilent():
		return prober.reject(p, now)
	case p.proof.doubts > 0:
		return prober.stir(now)
	}
	return actions
}

// reject takes a path out that answers, and carries nothing.
func (prober *Prober) reject(p *path, now time.Time) []Action {
	p.holdTime = p.proof.nothing(p.holdTime, now)
	p.heldUntil = now.Add(p.holdTime)
	p.phase = down
	actions := []Action{Fell{p.id, reasonNothing}}
	return append(actions, prober.choose(CauseDown, now)...)
}

// expirePromotion ends a trial that has taken too long. If nothing could be sent there is nothing to
// hold against the path.
func (prober *Prober) expirePromotion(now time.Time) []Action {
	candidate := prober.promotion.path
	if candidate == nil || now.Before(prober.promotion.until) {
		return nil
	}
	sent := prober.sent(candidate.id)
	if sent.Transport != candidate.proof.transport.sent || sent.Handshakes != candidate.proof.handshakes.sent {
		return prober.reject(candidate, now)
	}
	cause := prober.promotion.cause
	return append(prober.endPromotion(), prober.use(candidate, cause, now)...)
}
