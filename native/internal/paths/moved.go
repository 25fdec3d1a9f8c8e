// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// movedPace bounds how often a peer that keeps changing its address makes its paths be asked.
const movedPace = time.Second

// Moved tells that the peer, or this host itself, may be somewhere else than the paths that are up lead
// to: a genuine probe came from an address that was not known, or what leads over the peer is in
// trouble. They are asked at once, and until they have answered.
func (prober *Prober) Moved(now time.Time) {
	if prober.movedAt.IsZero() || now.Sub(prober.movedAt) >= movedPace {
		prober.movedAt = now
		prober.hope(now)
	}
}

// isQuestioned tells that a path has not answered since there was reason to ask where the peer is.
func (prober *Prober) isQuestioned(p *path) bool {
	return p.phase == up && p.answeredTo.Before(prober.movedAt)
}

// questionDue is when to ask such a path.
func (prober *Prober) questionDue(p *path) time.Time {
	if p.lastSent.Before(prober.movedAt) {
		return prober.movedAt
	}
	return p.lastSent.Add(retryPace)
}

// IsTroubled tells that the active path is in doubt, so that all that it may need is worth a question.
func (prober *Prober) IsTroubled(now time.Time) bool { return prober.isTroubled(now) }
