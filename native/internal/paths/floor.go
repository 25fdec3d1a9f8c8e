// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"slices"
	"time"
)

// floorLength is how many round trips the shortest is sought among: of a path with 100 ms of jitter each
// way, one of so many is all but certainly within 30 ms of the best.
const floorLength = 32

// A floor is the shortest of the last round trips. Jitter does not move it, a longer way does.
type floor struct {
	recent [floorLength]time.Duration
	count  int
}

func (f *floor) take(rtt time.Duration) {
	f.recent[f.count%floorLength] = rtt
	f.count++
}

func (f *floor) last() time.Duration {
	if f.count == 0 {
		return 0
	}
	return f.recent[(f.count-1)%floorLength]
}

// shortest is zero if nothing was measured.
func (f *floor) shortest() time.Duration {
	if f.count == 0 {
		return 0
	}
	return slices.Min(f.recent[:min(f.count, floorLength)])
}
