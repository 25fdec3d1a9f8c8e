// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"math"
	"time"

	"golang.zx2c4.com/wireguard/replay"
)

// staleAfter is how far before our own start a stamp may lie. The window is empty after a start, so
// that without this bound all that was ever overheard could be played once more. Clocks may differ
// by this much; certificates need them to be closer anyway.
const staleAfter = 24 * time.Hour

// Why a genuine frame gets no answer.
var (
	ErrReplayed = errors.New("replayed")
	ErrStale    = errors.New("older than we are")
)

// A Window remembers which stamps of a peer were seen. It is not for concurrent use.
type Window struct {
	filter replay.Filter
	oldest uint64
}

// NewWindow is empty; start is when this helper started.
func NewWindow(start time.Time) *Window {
	return &Window{oldest: uint64(max(0, start.Add(-staleAfter).UnixMicro()))}
}

// Accept tells whether a stamp is new, and remembers it.
func (window *Window) Accept(stamp uint64) error {
	if stamp < window.oldest {
		return ErrStale
	}
	if !window.filter.ValidateCounter(stamp, math.MaxUint64) {
		return ErrReplayed
	}
	return nil
}
