// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"sync"
	"time"
)

// clockLead is how far the wall clock may run ahead of the stamps before they follow it. They do not
// follow at once, because neighbours within a window are what lets frames overtake each other.
const clockLead = time.Hour

// A Stamper counts the frames that we send. One serves all pairs.
type Stamper struct {
	mutex  sync.Mutex
	last   uint64
	jumped func(stamp uint64)
}

// Follow begins after what an earlier start has reached, though the clock may have been set back since:
// peers would take every frame for a replay until it has caught up. jumped is told when stamps follow the
// wall clock, and must not wait.
func (stamper *Stamper) Follow(reached uint64, jumped func(stamp uint64)) {
	stamper.mutex.Lock()
	defer stamper.mutex.Unlock()
	stamper.last, stamper.jumped = max(stamper.last, reached), jumped
}

// Next is greater than all before. A host whose clock was set long after its start, for lack of a
// battery, comes back among those whom its peers believe.
func (stamper *Stamper) Next(now time.Time) uint64 {
	stamper.mutex.Lock()
	defer stamper.mutex.Unlock()
	wall := uint64(max(0, now.UnixMicro()))
	if wall > stamper.last+uint64(clockLead.Microseconds()) {
		stamper.last = wall
		if stamper.jumped != nil {
			stamper.jumped(wall)
		}
	} else {
		stamper.last++
	}
	return stamper.last
}
