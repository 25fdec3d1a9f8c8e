// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"strings"
	"testing"
	"time"
)

// traffics are what flows while paths get better and worse: from host 0 every so often, and back.
var traffics = map[string][2]time.Duration{
	"both ways":       {10 * millisecond, 10 * millisecond},
	"a ping a second": {time.Second, time.Second},
	"one way only":    {10 * millisecond, 0},
	"a great deal":    {2 * millisecond, 2 * millisecond},
}

// weather is what becomes of the direct path.
var weather = map[string]func(l *line){
	"20 % loss":   func(l *line) { l.lossPercent = 20 },
	"150 ms more": func(l *line) { l.delay += 75 * millisecond },
}

func detourWorld(t *testing.T, seed uint64, lines map[string]line, traffic [2]time.Duration) *world {
	t.Helper()
	w := newWorld(t, seed, lines, "direct", "relay")
	for side, pace := range traffic {
		if pace > 0 {
			w.ends[side].stream(pace)
		}
	}
	w.run(10 * time.Second)
	return w
}

// until runs the world until the first host's traffic goes over a path, and tells how long that took.
func (w *world) until(active string, limit time.Duration) time.Duration {
	w.t.Helper()
	begin := w.now
	for w.ends[0].prober.Active() != active {
		if w.now.Sub(begin) > limit {
			w.t.Fatalf("still %s after %v\n%s", w.ends[0].prober.Active(), limit, strings.Join(w.log, "\n"))
		}
		w.run(100 * millisecond)
	}
	return w.now.Sub(begin)
}

func TestALossyOrSlowPathIsLeftForABetterOneAndUsedAgainWhenItHasHealed(t *testing.T) {
	for what, spoil := range weather {
		for kind, traffic := range traffics {
			longest, longestBack := time.Duration(0), time.Duration(0)
			for seed := range uint64(3) {
				w := detourWorld(t, seed, near, traffic)
				whole := *w.lines["direct"]
				for side := range w.lines["direct"] {
					spoil(&w.lines["direct"][side])
				}
				left := w.until("relay", 40*time.Second)
				longest = max(longest, left)
				before := w.ends[0].switches
				w.run(30 * time.Second)
				if after := w.ends[0].switches; after != before {
					t.Fatalf("%s, %s, seed %d: %d switches while it is bad\n%s", what, kind, seed, after-before,
						strings.Join(w.log, "\n"))
				}
				*w.lines["direct"] = whole
				longestBack = max(longestBack, w.until("direct", 40*time.Second))
			}
			t.Logf("%s, %s: left within %v, back within %v", what, kind, longest, longestBack)
		}
	}
}

func TestASwitchThatHadToWaitIsStillToldByItsFirstCause(t *testing.T) {
	for seed := range uint64(40) {
		w := detourWorld(t, seed, near, traffics["both ways"])
		whole := *w.lines["direct"]
		for side := range w.lines["direct"] {
			w.lines["direct"][side].lossPercent = 20
		}
		w.until("relay", time.Minute)
		*w.lines["direct"] = whole
		w.until("direct", time.Minute)
	}
}

func TestNoPathIsSetAsideForWhatAllOfThemSuffer(t *testing.T) {
	for what, spoil := range weather {
		w := detourWorld(t, 3, near, traffics["both ways"])
		for _, lines := range w.lines {
			spoil(&lines[0])
			spoil(&lines[1])
		}
		w.run(2 * time.Minute)
		if active := w.ends[0].prober.Active(); active != "direct" || w.ends[0].switches > 2 {
			t.Errorf("%s: %s\n%s", what, active, strings.Join(w.log, "\n"))
		}
	}
}

func TestALittleLossOrJitterIsNoReasonForADetour(t *testing.T) {
	cases := map[string]func(l *line){
		"5 % loss":                func(l *line) { l.lossPercent = 5 },
		"100 ms jitter":           func(l *line) { l.jitter = 100 * millisecond },
		"5 % loss, 100 ms jitter": func(l *line) { l.lossPercent, l.jitter = 5, 100*millisecond },
		"30 ms more":              func(l *line) { l.delay += 15 * millisecond },
	}
	for what, spoil := range cases {
		for kind, traffic := range traffics {
			for seed := range uint64(2) {
				w := detourWorld(t, seed, near, traffic)
				before := w.ends[0].switches
				for side := range w.lines["direct"] {
					spoil(&w.lines["direct"][side])
				}
				w.run(time.Minute)
				if after := w.ends[0].switches; after != before {
					t.Errorf("%s, %s, seed %d: %d switches\n%s", what, kind, seed, after-before, strings.Join(w.log, "\n"))
				}
			}
		}
	}
}

func TestAPathThatIsGoodAndBadByTurnsIsUsedLessAndLess(t *testing.T) {
	w := detourWorld(t, 9, near, traffics["both ways"])
	whole, bad := *w.lines["direct"], *w.lines["direct"]
	for side := range bad {
		bad[side].lossPercent = 25
	}
	moved := []int{}
	for range 3 {
		before := w.ends[0].switches
		for range 6 {
			*w.lines["direct"] = bad
			w.run(20 * time.Second)
			*w.lines["direct"] = whole
			w.run(20 * time.Second)
		}
		moved = append(moved, w.ends[0].switches-before)
	}
	t.Logf("switches in each four minutes: %v", moved)
	if moved[0] < 2 || moved[2] > moved[0]/2+1 {
		t.Errorf("switches %v\n%s", moved, strings.Join(w.log, "\n"))
	}
}

func TestWhatAPathLostBeforeItFellIsNotHeldAgainstIt(t *testing.T) {
	w := detourWorld(t, 1, near, traffics["both ways"])
	cuts["both ways"](w.lines["direct"])
	w.run(20 * time.Second)
	*w.lines["direct"] = [2]line{near["direct"], near["direct"]}
	w.until("direct", 30*time.Second)
	if first := w.ends[0].prober.Snapshot()[0]; first.LossPermille != 0 {
		t.Errorf("%d permille", first.LossPermille)
	}
}
