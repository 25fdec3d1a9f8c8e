// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"testing"
	"time"
)

func TestOnlyTrafficThatIsNotOursMakesAPeerBusy(t *testing.T) {
	type reading struct {
		carried, echoes uint64
		busy            bool
	}
	for name, readings := range map[string][]reading{
		"nothing":                           {{0, 0, false}, {0, 0, false}},
		"what was there at first":           {{1 << 20, 0, false}, {1 << 20, 0, false}},
		"a packet":                          {{0, 0, false}, {96, 0, true}, {96, 0, true}, {96, 0, true}, {96, 0, false}},
		"a keepalive":                       {{0, 0, false}, {32, 0, false}, {64, 0, false}},
		"echoes":                            {{0, 0, false}, {256, 256, false}, {512, 512, false}},
		"echoes counted early":              {{0, 0, false}, {0, 128, false}, {128, 128, false}},
		"traffic among echoes":              {{0, 0, false}, {384, 256, true}},
		"a deficit that stays hides little": {{0, 0, false}, {0, 128, false}, {0, 128, false}, {100, 128, true}},
		"counters that begin anew":          {{9000, 0, false}, {0, 0, false}, {0, 0, false}, {200, 0, true}},
	} {
		activity := Activity{}
		now := time.Unix(1_700_000_000, 0)
		for i, r := range readings {
			if got := activity.Observe(r.carried, r.echoes, now); got != r.busy {
				t.Errorf("%s: reading %d is busy: %t", name, i, got)
			}
			now = now.Add(time.Second)
		}
	}
}
