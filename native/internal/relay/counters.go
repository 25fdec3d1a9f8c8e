// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"errors"
	"sync/atomic"

	"meshgate.dev/native/internal/protocol"
)

// Why a frame that is in order goes no further.
var (
	ErrNoWay   = errors.New("no direct path to the next hop")
	ErrTooMuch = errors.New("more than the source may send")
)

type counters struct {
	frames, bytes, dropped, refused atomic.Uint64
}

// sampleEvery is of how many frames that went no further one is remembered.
const sampleEvery = 64

// count gives how many frames have met the same end, if it was a bad one.
func (c *counters) count(verdict Verdict, err error, size int) uint64 {
	switch {
	case errors.Is(err, ErrNoWay), errors.Is(err, ErrTooMuch):
		return c.dropped.Add(1)
	case err != nil:
		return c.refused.Add(1)
	case verdict.Next != nil:
		c.frames.Add(1)
		c.bytes.Add(uint64(size))
	}
	return 0
}

// Counters are those since the start.
func (t *Table) Counters() protocol.Relayed {
	return protocol.Relayed{
		Frames: t.counters.frames.Load(), Bytes: t.counters.bytes.Load(),
		Dropped: t.counters.dropped.Load(), Refused: t.counters.refused.Load(),
	}
}

// Lost counts frames that were passed on, but could not leave.
func (t *Table) Lost(frames int) { t.counters.dropped.Add(uint64(frames)) }
