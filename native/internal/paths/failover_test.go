// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const millisecond = time.Millisecond

var near = map[string]line{
	"direct": {delay: 10 * millisecond, jitter: 2 * millisecond},
	"relay":  {delay: 20 * millisecond, jitter: 4 * millisecond},
}

// A cut is what happens to the active path, in words.
var cuts = map[string]func(lines *[2]line){
	"both ways":             func(l *[2]line) { l[0].dead, l[1].dead = true, true },
	"one way":               func(l *[2]line) { l[0].dead = true },
	"only in-session":       func(l *[2]line) { l[0].deaf, l[1].deaf = true, true },
	"only in-session, once": func(l *[2]line) { l[1].deaf = true },
}

// failovers runs cuts of one kind and gives the gaps of both directions, shortest first.
func failovers(t *testing.T, kind string, rounds int, lines map[string]line, back time.Duration) (gaps []time.Duration) {
	t.Helper()
	for seed := range rounds {
		w := newWorld(t, uint64(seed), lines, "direct", "relay")
		w.ends[0].stream(10 * millisecond)
		if back > 0 {
			w.ends[1].stream(back)
		}
		w.run(5*time.Second + time.Duration(w.random.IntN(1000))*millisecond)
		if w.ends[0].prober.Active() != "direct" {
			t.Fatalf("seed %d: not direct before the cut\n%s", seed, strings.Join(w.log, "\n"))
		}
		cut := w.now
		cuts[kind](w.lines["direct"])
		w.run(5 * time.Second)
		for _, h := range w.ends {
			if h.side == 0 && back == 0 {
				continue
			}
			gap := h.gap(cut, w.now)
			if gaps = append(gaps, gap); gap > 500*millisecond {
				t.Errorf("%s, seed %d: %v at %d, cut at %.3f\n%s", kind, seed, gap, h.side,
					cut.Sub(start).Seconds(), strings.Join(w.log, "\n"))
				return gaps
			}
		}
	}
	slices.Sort(gaps)
	return gaps
}

func TestACutPathCostsAFractionOfASecond(t *testing.T) {
	for kind := range cuts {
		gaps := failovers(t, kind, 20, near, 10*millisecond)
		t.Logf("%s: median %v, longest %v", kind, gaps[len(gaps)/2], gaps[len(gaps)-1])
		if median := gaps[len(gaps)/2]; median > 200*millisecond {
			t.Errorf("%s: median %v", kind, median)
		}
	}
}

func TestACutIsNoticedAlsoByAHostThatOnlySends(t *testing.T) {
	for _, kind := range []string{"both ways", "one way", "only in-session"} {
		gaps := failovers(t, kind, 10, near, 0)
		t.Logf("%s: median %v, longest %v", kind, gaps[len(gaps)/2], gaps[len(gaps)-1])
	}
}

func TestAHostThatOnlyAnswersNeedNotFindOutByItself(t *testing.T) {
	for _, kind := range []string{"both ways", "one way", "only in-session"} {
		gaps := []time.Duration{}
		for seed := range uint64(20) {
			w := newWorld(t, seed, near, "direct", "relay")
			w.ends[0].ask(10 * millisecond)
			w.run(5*time.Second + time.Duration(w.random.IntN(1000))*millisecond)
			cut := w.now
			cuts[kind](w.lines["direct"])
			w.run(2 * time.Second)
			gaps = append(gaps, w.ends[0].gap(cut, w.now))
		}
		slices.Sort(gaps)
		t.Logf("%s: median %v, longest %v", kind, gaps[len(gaps)/2], gaps[len(gaps)-1])
		// Once one host has doubts, the other one has them as soon as it hears of it.
		if longest := gaps[len(gaps)-1]; longest > 200*millisecond {
			t.Errorf("%s: a gap of %v", kind, longest)
		}
	}
}

func TestNothingIsSwitchedForLossAndJitterAlone(t *testing.T) {
	rough := map[string]line{
		"direct": {delay: 20 * millisecond, jitter: 100 * millisecond, lossPercent: 5},
		"relay":  {delay: 30 * millisecond, jitter: 100 * millisecond, lossPercent: 5},
	}
	for seed := range uint64(4) {
		for _, back := range []time.Duration{0, 10 * millisecond, 700 * millisecond} {
			w := newWorld(t, seed, rough, "direct", "relay")
			w.ends[0].stream(10 * millisecond)
			if back > 0 {
				w.ends[1].stream(back)
			}
			w.run(10 * time.Second)
			before := w.ends[0].switches + w.ends[1].switches
			w.run(time.Minute)
			if after := w.ends[0].switches + w.ends[1].switches; after != before || w.ends[0].prober.Active() != "direct" {
				t.Fatalf("seed %d, back every %v: %d switches\n%s", seed, back, after-before, strings.Join(w.log, "\n"))
			}
		}
	}
}

func TestWhateverIsCutTrafficFlowsWhileOnePathIsWhole(t *testing.T) {
	kinds := slices.Sorted(maps.Keys(cuts))
	for seed := range uint64(6) {
		w := newWorld(t, seed, near, "direct", "relay")
		for _, h := range w.ends {
			h.stream(20 * millisecond)
		}
		w.run(5 * time.Second)
		from := w.now
		for range 20 {
			broken := []string{"direct", "relay"}[w.random.IntN(2)]
			kind := kinds[w.random.IntN(len(kinds))]
			w.note("%s is cut, %s", broken, kind)
			whole := *w.lines[broken]
			cuts[kind](w.lines[broken])
			w.run(time.Duration(1+w.random.IntN(8)) * time.Second)
			*w.lines[broken] = whole
			w.note("%s is whole", broken)
			// The next one may be the only one left: it must have had time to prove itself.
			w.run(time.Duration(6+w.random.IntN(5)) * time.Second)
		}
		for _, h := range w.ends {
			if gap := h.gap(from, w.now); gap > time.Second {
				t.Fatalf("seed %d: %v without a packet at %d\n%s", seed, gap, h.side, strings.Join(w.log, "\n"))
			}
		}
	}
}

func TestAPathThatComesAndGoesIsUsedLessAndLess(t *testing.T) {
	w := newWorld(t, 5, near, "direct", "relay")
	for _, h := range w.ends {
		h.stream(20 * millisecond)
	}
	w.run(5 * time.Second)
	from, whole := w.now, *w.lines["direct"]
	moved := []int{}
	for range 3 {
		before := w.ends[0].switches
		for range 8 {
			cuts["both ways"](w.lines["direct"])
			w.run(3 * time.Second)
			*w.lines["direct"] = whole
			w.run(3 * time.Second)
		}
		moved = append(moved, w.ends[0].switches-before)
	}
	t.Logf("switches in each minute and a half: %v", moved)
	if moved[0] < 2 || moved[2] > 4 {
		t.Errorf("switches %v\n%s", moved, strings.Join(w.log, "\n"))
	}
	if gap := w.ends[0].gap(from, w.now); gap > 500*millisecond {
		t.Errorf("a gap of %v", gap)
	}
	w.run(3 * time.Minute)
	if active := w.ends[0].prober.Active(); active != "direct" {
		t.Errorf("it stays up, and %s is used", active)
	}
}

func TestInRedundantModeACutCostsNoPacket(t *testing.T) {
	same := map[string]line{"direct": {delay: 10 * millisecond}, "relay": {delay: 12 * millisecond}}
	for kind, cut := range cuts {
		w := newWorld(t, 7, same, "direct", "relay")
		for _, h := range w.ends {
			h.do(h.prober.Duplicate(true))
			h.stream(10 * millisecond)
		}
		w.run(5 * time.Second)
		from := w.now
		cut(w.lines["direct"])
		w.run(3 * time.Second)
		for _, h := range w.ends {
			if gap := h.gap(from, w.now); gap > 25*millisecond {
				t.Errorf("%s: a gap of %v at %d\n%s", kind, gap, h.side, strings.Join(w.log, "\n"))
			}
		}
	}
}
