// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"testing"
	"time"
)

func TestOnlyTrafficThatIsNotOursMakesAPulse(t *testing.T) {
	type reading struct {
		carried, echoes uint64
		pulse           Pulse
	}
	for name, readings := range map[string][]reading{
		"nothing":                           {{0, 0, Quiet}, {0, 0, Quiet}},
		"what was there at first":           {{1 << 20, 0, Quiet}, {1 << 20, 0, Quiet}},
		"a packet":                          {{0, 0, Quiet}, {96, 0, Trickle}, {96, 0, Trickle}, {96, 0, Trickle}, {96, 0, Quiet}},
		"a download":                        {{0, 0, Quiet}, {9000, 0, Flow}, {9000, 0, Flow}, {9000, 0, Flow}, {9000, 0, Quiet}},
		"a keepalive":                       {{0, 0, Quiet}, {32, 0, Quiet}, {64, 0, Quiet}},
		"echoes":                            {{0, 0, Quiet}, {256, 256, Quiet}, {512, 512, Quiet}},
		"echoes counted early":              {{0, 0, Quiet}, {0, 128, Quiet}, {128, 128, Quiet}},
		"traffic among echoes":              {{0, 0, Quiet}, {384, 256, Trickle}},
		"a deficit that stays hides little": {{0, 0, Quiet}, {0, 128, Quiet}, {0, 128, Quiet}, {100, 128, Trickle}},
		"counters that begin anew":          {{9000, 0, Quiet}, {0, 0, Quiet}, {0, 0, Quiet}, {200, 0, Trickle}},
	} {
		activity := Activity{}
		now := time.Unix(1_700_000_000, 0)
		for i, r := range readings {
			if got := activity.Observe(r.carried, r.echoes, now); got != r.pulse {
				t.Errorf("%s: reading %d has pulse %d", name, i, got)
			}
			now = now.Add(time.Second)
		}
	}
}

func TestAFlowIsWhatGoesOnWithSomeWeight(t *testing.T) {
	for name, c := range map[string]struct {
		bytes  uint64
		every  int
		expect Pulse
	}{
		"two members alone that ask each other whether they live": {4 * 80, 1, Trickle},
		"the same, as one of eleven":                              {2 * 80, 5, Trickle},
		"five pings a second":                                     {5 * 2 * 128, 1, Flow},
		"a page each five seconds":                                {4000, 5, Flow},
	} {
		activity, now, carried := Activity{}, start, uint64(0)
		pulse := Quiet
		for second := range 60 {
			if second%c.every == 0 {
				carried += c.bytes
			}
			if now = now.Add(time.Second); activity.Observe(carried, 0, now) > pulse {
				pulse = activity.Observe(carried, 0, now)
			}
		}
		if pulse != c.expect {
			t.Errorf("%s: pulse %d", name, pulse)
		}
	}
}
