// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"math/bits"
	"time"
)

// A Meter tells what goes over a path, apart from probes.
type Meter interface {
	// Sent is what WireGuard has sent over it.
	Sent(path string) Traffic
	// HeardAt is when the peer's WireGuard was last heard over it; the zero time is never.
	HeardAt(path string) time.Time
}

// looksKept are as many as are needed to tell what had been sent when the peer last heard something.
const looksKept = 40

// talkativeMin of the last eight looks must have found something for silence to be a surprise.
const talkativeMin = 6

type look struct {
	at   time.Time
	sent uint32
}

// A watch compares what leaves over a path with what comes back over it. It is of the active path, and
// begins anew with each of them.
type watch struct {
	looks [looksKept]look
	count int
	// heard has a bit for each of the last looks before which something came back; talkative is whether
	// that was so most of the time before owedSince, and flowing whether it was when something last did.
	heard              uint8
	talkative, flowing bool
	// owedSince is since when packets have left and none has come back; zero while nothing is owed.
	owedSince time.Time
}

func (w *watch) last() look {
	if w.count == 0 {
		return look{}
	}
	return w.looks[(w.count-1)%looksKept]
}

// look takes what has been sent by now, and when something last came back.
func (w *watch) look(sent uint32, heardAt, now time.Time) {
	if heardAt.After(w.owedSince) {
		w.owedSince = time.Time{}
	}
	before := w.last()
	w.heard <<= 1
	if heardAt.After(before.at) {
		w.heard |= 1
		w.flowing = bits.OnesCount8(w.heard) >= talkativeMin
	}
	// What came since the last look may well be the answer to what left since.
	if w.count > 0 && sent != before.sent && w.owedSince.IsZero() && !heardAt.After(before.at) {
		w.owedSince, w.talkative = now, bits.OnesCount8(w.heard) >= talkativeMin
	}
	w.looks[w.count%looksKept] = look{now, sent}
	w.count++
}

// proven is told of each round trip: what was owed before it is not any more.
func (w *watch) proven() { w.owedSince = time.Time{} }

// sentBetween is how many packets are known to have left after one moment and before another. Packets
// of before the first look do not count.
func (w *watch) sentBetween(from, to time.Time) uint32 {
	first, last, any := uint32(0), uint32(0), false
	for i := max(0, w.count-looksKept); i < w.count; i++ {
		l := w.looks[i%looksKept]
		if l.at.Before(from) || l.at.After(to) {
			continue
		}
		if !any {
			first, any = l.sent, true
		}
		last = l.sent
	}
	return last - first
}
