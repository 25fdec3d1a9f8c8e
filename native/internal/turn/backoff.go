// SPDX-License-Identifier: Apache-2.0

package turn

import "time"

// A pace holds the waits of an allocation.
type pace struct {
	// retry is the wait after the first failure; it doubles up to retryMax.
	retry, retryMax time.Duration
	// lasting and lastingMax are the same after a refusal that will hardly change by itself.
	lasting, lastingMax time.Duration
	// refresh is that of the allocation. It is far below any lifetime, because it is also what keeps
	// the mapping of a NAT before the server, and what finds out that the server is gone.
	refresh time.Duration
	// renew is that of channels and permissions, which last for ten and five minutes.
	renew time.Duration
	// again is the wait after a channel or a permission was refused.
	again time.Duration
	// answer is how long a request may take, with all its retransmissions.
	answer time.Duration
}

var defaultPace = pace{
	retry: time.Second, retryMax: time.Minute,
	lasting: 30 * time.Second, lastingMax: 10 * time.Minute,
	refresh: 20 * time.Second,
	renew:   4 * time.Minute,
	again:   time.Minute,
	answer:  5 * time.Second,
}

// wait is the time to the next attempt after so many that failed in a row. It is between half and
// all of the doubled wait, so that the clients of a server that was away do not come back at once.
func (p pace) wait(cause Cause, failures int, random float64) time.Duration {
	first, last := p.retry, p.retryMax
	if cause.lasting() {
		first, last = p.lasting, p.lastingMax
	}
	wait := last
	if shift := failures - 1; shift < 16 {
		wait = min(last, first<<max(0, shift))
	}
	return wait/2 + time.Duration(random*float64(wait/2))
}

// refreshWithin keeps well within a lifetime that is shorter than usual.
func (p pace) refreshWithin(lifetime time.Duration) time.Duration {
	return min(p.refresh, lifetime/3)
}
