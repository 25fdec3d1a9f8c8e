// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// dueAt is when to ask next over a path; zero is never.
func (prober *Prober) dueAt(p *path) time.Time {
	due := prober.idleDue(p)
	if due.IsZero() {
		due = p.dueAt(prober.idle, prober.busy && p == prober.active)
	}
	if due.IsZero() || p.lastSent.IsZero() {
		return due
	}
	if prober.isQuestioned(p) {
		due = earliest(due, prober.questionDue(p))
	}
	return earliest(due, prober.soonerDue(p))
}

// soonerDue is when a path is asked beyond its own pace, because of what is known of the active one.
func (prober *Prober) soonerDue(p *path) time.Time {
	owed := prober.watch.owedSince
	switch {
	case p.phase == down && p.nudged:
		return p.lastSent.Add(retryPace)
	case p.phase == down && p != prober.active && prober.isTroubled(p.lastSent):
		return later(prober.troubleSince, p.lastSent.Add(retryPace))
	case p.phase != up:
	case !prober.exam.since.IsZero():
		return p.lastSent.Add(examPace)
	case p == prober.promotion.path, p == prober.active && !prober.doubt.since.IsZero():
		return p.lastSent.Add(doubtPace)
	case p == prober.active && !owed.IsZero() && !prober.lookDue().IsZero():
		return later(p.lastSent.Add(doubtPace), owed.Add(p.patience()))
	case p == prober.active:
	case p.lastSent.Before(prober.troubleSince):
		return prober.troubleSince
	case p == prober.doubled && !prober.doubt.since.IsZero():
		return p.lastSent.Add(doubtPace)
	case prober.isTroubled(p.lastSent):
		return p.lastSent.Add(retryPace)
	case prober.busy && p == prober.doubled:
		return p.lastSent.Add(activePace)
	case prober.busy && p.aside.set:
		return p.lastSent.Add(asidePace)
	case prober.busy && prober.isNextInLine(p):
		return p.lastSent.Add(backupPace)
	}
	return time.Time{}
}

// isNextInLine tells whether a path is one of the first that would take over.
func (prober *Prober) isNextInLine(p *path) bool {
	before := 0
	for _, other := range prober.paths {
		if other == p {
			return before < backupsKept
		}
		if other != prober.active && other.phase == up {
			before++
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
