// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// missingMin packets that left, and after which the peer has heard nothing, are reason for doubt: one
// alone may have been lost.
const missingMin = 2

// Told takes what the peer says, over whatever path, of the path that we call by a number: what it has
// heard there, and for how long it has heard nothing. So a path that is cut in our direction only is
// known to us after one trip over another one.
func (prober *Prober) Told(number uint8, report Report, silent time.Duration, now time.Time) []Action {
	for _, p := range prober.paths {
		if p.number != number {
			continue
		}
		actions := prober.believe(p, report, now)
		if p == prober.active && prober.isMissing(silent, now) {
			prober.beginDoubt(now)
		}
		return prober.settle(actions)
	}
	return nil
}

// isMissing tells that packets left over the active path after those that the peer has heard, and so long
// ago that it would have heard them by now.
func (prober *Prober) isMissing(silent time.Duration, now time.Time) bool {
	patience := prober.active.patience()
	return silent > patience && prober.watch.sentBetween(now.Add(-silent), now.Add(-patience)) >= missingMin
}

// nextNumber names a new path, for the peer to speak of it.
func (prober *Prober) nextNumber() uint8 {
	for {
		// 0 is no path. There are far fewer paths than numbers.
		if prober.lastNumber++; prober.lastNumber != 0 && !prober.isTaken(prober.lastNumber) {
			return prober.lastNumber
		}
	}
}

func (prober *Prober) isTaken(number uint8) bool {
	for _, p := range prober.paths {
		if p.number == number {
			return true
		}
	}
	return false
}
