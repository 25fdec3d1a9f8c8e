// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

const (
	// activeFor is how long a peer counts as busy after its counters moved.
	activeFor = 3 * time.Second
	// trafficMin is the smallest data message that holds an IP packet. WireGuard's own keepalives are
	// smaller, and would otherwise be answered by echoes, which they would answer in turn, for ever.
	trafficMin = 64
)

// Activity tells a peer's traffic from our own echoes among it.
type Activity struct {
	seen      bool
	before    [2]int64
	lastMoved time.Time
}

// Observe takes the bytes that WireGuard has carried both ways and how many of them were echoes, and
// tells whether the peer has traffic of its own. Echoes are counted a moment before or after
// WireGuard counts them, so what is left is compared with the higher of two earlier readings.
func (activity *Activity) Observe(carried, echoes uint64, now time.Time) bool {
	left := int64(carried - echoes)
	if activity.seen && left-max(activity.before[0], activity.before[1]) >= trafficMin {
		activity.lastMoved = now
	}
	if !activity.seen {
		activity.before[1] = left
	}
	activity.before = [2]int64{activity.before[1], left}
	activity.seen = true
	return !activity.lastMoved.IsZero() && now.Sub(activity.lastMoved) < activeFor
}
