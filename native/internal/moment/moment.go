// SPDX-License-Identifier: Apache-2.0

// Package moment keeps when something happened such that a clock that is set changes nothing of how long ago that was.
package moment

import (
	"sync/atomic"
	"time"
)

// begin is what moments are counted from.
var begin = time.Now()

// A Noted moment may be noted and asked for by many at once. The zero value is never.
type Noted struct{ since atomic.Int64 }

// Note says that it is now.
func (n *Noted) Note() { n.since.Store(max(1, int64(time.Since(begin)))) }

// Forget makes it never.
func (n *Noted) Forget() { n.since.Store(0) }

// At is the moment, to compare with time.Now; the zero time is never.
func (n *Noted) At() time.Time {
	if since := n.since.Load(); since != 0 {
		return begin.Add(time.Duration(since))
	}
	return time.Time{}
}

// Ago is how long ago it was; false if it was never.
func (n *Noted) Ago() (ago time.Duration, ever bool) {
	at := n.At()
	return time.Since(at), !at.IsZero()
}

// A Told moment is one of the wall clock that somebody else notes, as WireGuard does of handshakes. How long ago it was is
// worked out once, when it is told for the first time. The zero value is never.
type Told struct{ told, at, lookedAt time.Time }

// Look takes what is told now, mostly the same as before, and gives the moment, to compare with time.Now. The zero time is
// never.
func (t *Told) Look(told, now time.Time) time.Time {
	switch {
	case told.IsZero():
		t.at = time.Time{}
	case !told.Equal(t.told):
		// Without its monotonic reading, which the other one has not.
		age := max(0, now.Round(0).Sub(told))
		if !t.lookedAt.IsZero() {
			// It was not there at the last look.
			age = min(age, now.Sub(t.lookedAt))
		}
		t.at = now.Add(-age)
	}
	t.told, t.lookedAt = told, now
	return t.at
}
