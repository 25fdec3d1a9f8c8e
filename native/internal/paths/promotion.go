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
	return prober.stir(now)
}

// stir makes packets for a path to prove itself with. What there is of traffic is enough.
func (prober *Prober) stir(now time.Time) []Action {
	if !prober.hasSession && prober.active.proof.carries != CarriesTraffic {
		return []Action{Handshake{}, prober.echo(now)}
	}
	return []Action{prober.echo(now)}
}

// isOnTrial tells whether packets leave over a path, so that it can prove something.
func (prober *Prober) isOnTrial(p *path) bool {
	return p.phase == up && (p == prober.active || p == prober.doubled)
}

// weigh looks at what the peer has just said of a path.
func (prober *Prober) weigh(p *path, heard bool, now time.Time) []Action {
	switch {
	case heard && p == prober.promotion.path:
		return prober.endPromotion(now)
	case !prober.isOnTrial(p):
		p.proof.doubts = 0
	case p.proof.isSilent():
		return prober.reject(p, now)
	case p.proof.doubts > 0:
		if p == prober.active {
			prober.beginDoubt(now)
		}
		return prober.stir(now)
	}
	return nil
}

// endPromotion moves traffic to the path that was on trial.
func (prober *Prober) endPromotion(now time.Time) []Action {
	trial := prober.promotion
	prober.promotion = promotion{}
	return prober.use(trial.path, trial.cause, now)
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
	sent := prober.meter.Sent(candidate.id)
	if sent.Transport != candidate.proof.transport.sent || sent.Handshakes != candidate.proof.handshakes.sent {
		return prober.reject(candidate, now)
	}
	return prober.endPromotion(now)
}
