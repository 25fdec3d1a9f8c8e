// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"slices"
	"testing"
	"time"
)

func TestTheWaitsForAnAnswerDoubleAndEnd(t *testing.T) {
	waits, sum := []time.Duration{}, time.Duration(0)
	for attempt := 1; ; attempt++ {
		wait, tried := GreetWait(attempt)
		if !tried {
			break
		}
		waits, sum = append(waits, wait), sum+wait
	}
	if want := []time.Duration{300e6, 600e6, 1200e6, 2400e6}; !slices.Equal(waits, want) {
		t.Errorf("the waits are %v", waits)
	}
	if sum > SettleTime {
		t.Errorf("a row takes %v, longer than WireGuard's own pause", sum)
	}
	for _, attempt := range []int{-1, 0, greetsMax + 1, 1 << 30} {
		if wait, tried := GreetWait(attempt); tried || wait != 0 {
			t.Errorf("number %d is tried, with a wait of %v", attempt, wait)
		}
	}
}
