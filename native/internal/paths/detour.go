// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// A more wanted path is set aside for one that is clearly better, and used again when it no longer is
// clearly worse:
//
//	            the active path seems lossy or slow           another one is clearly better
//	+------+  ----------------------------------> +---------+ ------------------------> +-------+
//	| fine |                                      | all are | first asides a path       | aside |
//	|      |  <---------------------------------- | examined|                           |       |
//	+------+       it was chance, or no other     +---------+                           +-------+
//	    ^          is better                                                                |
//	    +-----------------------------------------------------------------------------------+
//	               some 28 probes in a row are answered, about as fast, and the hold is over
const (
	// examPace is that of probes on all paths while they are examined, and asidePace on one that is set aside
	// while the peer has traffic.
	examPace  = 100 * time.Millisecond
	asidePace = 500 * time.Millisecond
	// examMax is how long that goes on; examRest is the wait until the next, which doubles up to examRestMax
	// and begins anew after steadyTime without one: a path that is a little lossy is not worth more.
	examMax     = 20 * time.Second
	examRest    = 5 * time.Second
	examRestMax = time.Minute
	// examAnswers on each path are enough to compare round trips by their floors, and lossAnswers to know
	// that a path is not lossy itself.
	examAnswers = floorLength
	lossAnswers = 20

	// A path is slow if another one's floor is less by slowMin and a third. It is not any more if that is less
	// than fairMin or a sixth.
	slowMin = 50 * time.Millisecond
	fairMin = 25 * time.Millisecond

	// asideStart is how long a path is set aside at least. The time doubles up to asideMax each time that it is
	// set aside within steadyTime of its return.
	asideStart = 10 * time.Second
	asideMax   = 5 * time.Minute
)

// An aside is that a path is passed over, because another one is clearly better.
type aside struct {
	set    bool
	cause  Cause
	until  time.Time
	length time.Duration
	// endedAt is when it was last over.
	endedAt time.Time
}

func (a *aside) begin(cause Cause, now time.Time) {
	length := asideStart
	if a.length > 0 && now.Sub(a.endedAt) < steadyTime {
		length = min(2*a.length, asideMax)
	}
	*a = aside{set: true, cause: cause, until: now.Add(length), length: length}
}

func (a *aside) end(now time.Time) { a.set, a.endedAt = false, now }

// An examination measures all paths that are up, often. The zero time is none.
type examination struct {
	since, endedAt time.Time
	rest           time.Duration
}

func (e *examination) end(now time.Time) {
	e.rest = min(max(examRest, 2*e.rest), examRestMax)
	e.since, e.endedAt = time.Time{}, now
}

func (e *examination) isDue(now time.Time) bool {
	if now.Sub(e.endedAt) >= steadyTime {
		e.rest = 0
	}
	return now.Sub(e.endedAt) >= e.rest
}

// compare looks whether traffic would fare clearly better over another path. Of idle peers nobody would notice.
func (prober *Prober) compare(now time.Time) []Action {
	active := prober.active
	if active == nil || active.phase != up {
		return nil
	}
	if prober.recover(now) {
		return prober.choose(CauseDetourOver, now)
	}
	exam := &prober.exam
	switch {
	case exam.since.IsZero():
		if prober.busy && prober.isSuspect(active, now) && exam.isDue(now) {
			prober.examine(now)
		}
	case !prober.busy, now.Sub(exam.since) >= examMax, prober.isCleared(active, now):
		exam.end(now)
	default:
		return prober.detour(now)
	}
	return nil
}

func (prober *Prober) examine(now time.Time) {
	prober.exam.since = now
	for _, p := range prober.paths {
		p.floor, p.examined = floor{}, 0
	}
}

// isSuspect tells that the last answers over a path were worse than those over another.
func (prober *Prober) isSuspect(active *path, now time.Time) bool {
	for _, p := range prober.paths {
		if p == active || p.phase != up || p.aside.set || p.loss.sum > lossCalm {
			continue
		}
		if active.loss.sum >= lossSuspect || isSlow(active.floor.last(), p.floor.shortest(), slowMin, 3) {
			return true
		}
	}
	return false
}

// isCleared tells that it was chance.
func (prober *Prober) isCleared(active *path, now time.Time) bool {
	return active.floor.count >= examAnswers && !prober.isSuspect(active, now)
}

// detour sets the active path aside if another is clearly better, and with it those before that one that are
// no better.
func (prober *Prober) detour(now time.Time) []Action {
	for i, better := range prober.paths {
		cause := prober.active.worseThan(better, now)
		if cause == "" {
			continue
		}
		prober.exam.end(now)
		for _, p := range prober.paths[:i] {
			if p == prober.active || p.phase == up && p.worseThan(better, now) != "" {
				p.setAside(cause, now)
			}
		}
		prober.active.setAside(cause, now)
		return prober.choose(cause, now)
	}
	return nil
}

// worseThan is why a path should be left for another; empty if it should not.
func (p *path) worseThan(other *path, now time.Time) Cause {
	if other == p || other.phase != up || other.aside.set || other.loss.sum > lossCalm || other.examined < lossAnswers {
		return ""
	}
	switch {
	case p.loss.isLossy(now):
		return CauseDetourLoss
	case min(p.floor.count, other.floor.count) < examAnswers:
	case isSlow(p.floor.shortest(), other.floor.shortest(), slowMin, 3):
		return CauseDetourDelay
	}
	return ""
}

func (p *path) setAside(cause Cause, now time.Time) {
	if !p.aside.set {
		p.aside.begin(cause, now)
		p.loss, p.floor = p.loss.anew(), floor{}
	}
}

// recover ends what is over, and tells whether anything is.
func (prober *Prober) recover(now time.Time) (any bool) {
	for _, p := range prober.paths {
		if !p.aside.set || p.phase != up || now.Before(p.aside.until) || p.loss.clean < cleanEnough {
			continue
		}
		if p == prober.active || !isSlow(p.floor.shortest(), prober.active.floor.shortest(), fairMin, 6) {
			p.aside.end(now)
			any = true
		}
	}
	return any
}

// isSlow tells that another round trip is less by some time, and by a part of the whole.
func isSlow(rtt, other, gainMin time.Duration, part time.Duration) bool {
	gain := rtt - other
	return other > 0 && gain > gainMin && gain > rtt/part
}
