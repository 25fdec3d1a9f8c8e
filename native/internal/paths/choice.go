// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"slices"
	"time"
)

// choose makes the first path that is up the active one; while none is up, the first that packets can
// leave over. A path that works is left only for one that has proved itself.
func (prober *Prober) choose(cause Cause, now time.Time) []Action {
	best, active := prober.best(), prober.active
	if best == active {
		prober.promotion = promotion{}
		return nil
	}
	cause = prober.causeOf(best, cause)
	if best != nil && best.proof.told && slices.Contains(prober.paths, active) && active.phase == up {
		return prober.promote(best, cause, now)
	}
	prober.promotion = promotion{}
	return prober.use(best, cause, now)
}

// causeOf is why the active path is left for another one. A switch that had to wait, for an answer or because
// there was trouble, is made upon whatever happens next; and only what is down is called down.
func (prober *Prober) causeOf(best *path, cause Cause) Cause {
	active := prober.active
	switch {
	case cause != CauseDown || best == nil || active == nil || active.phase != up:
		return cause
	case !slices.Contains(prober.paths, active):
		return CauseDesired
	case active.aside.set:
		return active.aside.cause
	case best.aside.endedAt.After(prober.usedAt):
		return CauseDetourOver
	}
	return CauseUp
}

// use makes a path the active one; nil is none.
func (prober *Prober) use(p *path, cause Cause, now time.Time) []Action {
	change := Switch{From: prober.Active(), Cause: cause}
	if was := prober.active; was != nil && was.phase == down {
		change.Gap = prober.gap(was, now)
	}
	prober.usedAt = now
	if prober.active = p; p != nil && p != prober.doubled {
		p.proof.begin(prober.meter.Sent(p.id))
	}
	prober.watch = watch{}
	prober.relieve()
	prober.glance(now)
	change.To = prober.Active()
	return []Action{change}
}

// gap is for how long at most nothing went through: from the last sign of life of a path that fell to
// when packets left over another one, too.
func (prober *Prober) gap(was *path, now time.Time) time.Duration {
	alive := was.lastAlive(prober.meter.HeardAt(was.id))
	if alive.IsZero() {
		return 0
	}
	if since := prober.doubt.since; !since.IsZero() && prober.doubled != nil {
		now = since
	}
	return max(0, now.Sub(alive))
}

func (prober *Prober) isAnyUp() bool {
	return slices.ContainsFunc(prober.paths, func(p *path) bool { return p.phase == up })
}

// best is the most wanted path that is up and not set aside. If there was trouble, it must have answered
// since: until one has, or none is up any more, the active one stays.
func (prober *Prober) best() *path {
	anyUp := false
	var passedOver *path
	for _, p := range prober.paths {
		switch usable := p == prober.active && p.phase == up || prober.isFresh(p); {
		case usable && !p.aside.set:
			return p
		case usable && (passedOver == nil || p == prober.active):
			passedOver = p
		}
		anyUp = anyUp || p.phase == up
	}
	if passedOver != nil {
		return passedOver
	}
	if active := prober.active; anyUp && active != nil && !active.stuck && slices.Contains(prober.paths, active) {
		return active
	}
	if outlived := prober.outlived(); outlived != nil {
		return outlived
	}
	for _, p := range prober.paths {
		if !p.stuck {
			return p
		}
	}
	if len(prober.paths) > 0 {
		return prober.paths[0]
	}
	return nil
}
