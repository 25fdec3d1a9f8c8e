// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What a hub carries at most.
const (
	// SourceBytesPerSecond is for one source: 2.5 gigabits, more than a core encrypts.
	SourceBytesPerSecond = 312_500_000
	// SourceBytesBurst is a window of TCP over 12 ms at that rate.
	SourceBytesBurst = 4_000_000
	// SourcePacketsPerSecond is the same in packets, so that small ones cost no more than large ones.
	SourcePacketsPerSecond = 312_500
	// SourcePacketsBurst is a few full batches.
	SourcePacketsBurst = 4_096
	// TotalBytesPerSecond is for all sources: one alone cannot use it up.
	TotalBytesPerSecond = 1_250_000_000
	// TotalBytesBurst is that of four sources.
	TotalBytesBurst = 16_000_000

	// sourcesMax bounds the table. A first hub tells the second one whose frames it sends, and may lie.
	sourcesMax = 8_192
	// sourceIdle is after what time a source's bucket is full again, so that it need not be kept.
	sourceIdle = time.Second
)

// account is whom a frame is charged to: its source, as the sender of this hop names it. A hub that
// names false sources charges only its own accounts.
type account struct{ sender, source Tag }

type bucket struct {
	bytes   *rate.Limiter
	packets *rate.Limiter
	usedAt  time.Time
}

// An allowance is not unlimited for anybody, and shared by none until all together ask for too much.
type allowance struct {
	mutex   sync.Mutex
	total   *rate.Limiter
	buckets map[account]*bucket
	// forgotAt bounds how often the whole table is looked through.
	forgotAt time.Time
}

func newAllowance() *allowance {
	return &allowance{
		total:   rate.NewLimiter(TotalBytesPerSecond, TotalBytesBurst),
		buckets: map[account]*bucket{},
	}
}

// take tells whether a frame may be carried.
func (a *allowance) take(charged account, size int, now time.Time) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	own := a.bucket(charged, now)
	own.usedAt = now
	return own.packets.AllowN(now, 1) && own.bytes.AllowN(now, size) && a.total.AllowN(now, size)
}

func (a *allowance) bucket(charged account, now time.Time) *bucket {
	if known := a.buckets[charged]; known != nil {
		return known
	}
	if len(a.buckets) >= sourcesMax && now.Sub(a.forgotAt) >= sourceIdle {
		a.forget(now)
	}
	if len(a.buckets) >= sourcesMax {
		// A hub that names this many sources within a second has one bucket for the rest of them.
		charged.source = Tag{}
		if shared := a.buckets[charged]; shared != nil {
			return shared
		}
	}
	fresh := &bucket{
		bytes:   rate.NewLimiter(SourceBytesPerSecond, SourceBytesBurst),
		packets: rate.NewLimiter(SourcePacketsPerSecond, SourcePacketsBurst),
	}
	a.buckets[charged] = fresh
	return fresh
}

func (a *allowance) forget(now time.Time) {
	a.forgotAt = now
	for charged, known := range a.buckets {
		if now.Sub(known.usedAt) >= sourceIdle {
			delete(a.buckets, charged)
		}
	}
}
