// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// A rest is what keeps a path from coming and going: whoever falls soon after having risen waits, each
// time longer.
type rest struct {
	roseAt time.Time
	until  time.Time
	length time.Duration
}

func (r *rest) rose(now time.Time) { r.roseAt = now }

func (r *rest) fell(now time.Time) {
	switch wasUp := now.Sub(r.roseAt); {
	case wasUp >= steadyTime:
		r.length = 0
	case wasUp < flapTime:
		r.length = min(max(restStart, 2*r.length), restMax)
	}
	r.until = now.Add(r.length)
}

func (r *rest) isOver(now time.Time) bool { return !now.Before(r.until) }
