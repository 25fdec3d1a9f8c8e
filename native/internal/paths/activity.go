// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

const (
	// activeFor is how long a peer's pulse is felt after its counters moved.
	activeFor = 3 * time.Second
	// trafficMin is the smallest data message that holds an IP packet. WireGuard's own keepalives are
	// smaller, and would otherwise be answered by echoes, which they would answer in turn, for ever.
	trafficMin = 64
	// flowMin bytes within activeFor are a flow. Members who ask each other every second whether they live, as
	// two that are alone do, stay below two thirds of that; five pings a second reach it soon.
	flowMin = 1500
)

// Pulse is how much traffic a peer has.
type Pulse int

const (
	// Quiet is nothing but what we send ourselves.
	Quiet Pulse = iota
	// Trickle is a packet now and then: what each of them brings back is watched. Members that ask each other
	// whether they live are no more than that, or all of a mesh would be busy all the time.
	Trickle
	// Flow is worth asking ahead: the next outage will hit it.
	Flow
)

// Activity tells a peer's traffic from our own echoes among it.
type Activity struct {
	seen      bool
	before    [2]int64
	lastMoved time.Time
	// level rises by what is carried and falls by flowMin in activeFor.
	level    int64
	lastFlow time.Time
}

// Observe takes the bytes that WireGuard has carried both ways and how many of them were echoes, and
// tells what traffic the peer has of its own. Echoes are counted a moment before or after
// WireGuard counts them, so what is left is compared with the higher of two earlier readings.
func (activity *Activity) Observe(carried, echoes uint64, now time.Time) Pulse {
	left := int64(carried - echoes)
	if more := left - max(activity.before[0], activity.before[1]); activity.seen && more >= trafficMin {
		activity.rise(more, now)
	}
	if !activity.seen {
		activity.before[1] = left
	}
	activity.before = [2]int64{activity.before[1], left}
	activity.seen = true
	switch {
	case isRecent(activity.lastFlow, now):
		return Flow
	case isRecent(activity.lastMoved, now):
		return Trickle
	}
	return Quiet
}

func (activity *Activity) rise(more int64, now time.Time) {
	fallen := flowMin * min(now.Sub(activity.lastMoved), activeFor) / activeFor
	activity.level = max(0, activity.level-int64(fallen)) + more
	activity.lastMoved = now
	if activity.level >= flowMin {
		activity.level, activity.lastFlow = flowMin, now
	}
}

func isRecent(at, now time.Time) bool { return !at.IsZero() && now.Sub(at) < activeFor }
