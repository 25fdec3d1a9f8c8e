// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// atRest is a direct path, and one over each of two hubs, between two hosts that have nothing to say to each other.
func atRest(t *testing.T, seed uint64) *world {
	lines := map[string]line{"direct": near["direct"], "hub": near["relay"], "spare": near["relay"]}
	w := newWorld(t, seed, lines, "direct", "hub", "spare")
	over := func(id string, hub byte) protocol.Path {
		return protocol.Path{ID: id, Kind: protocol.KindRelay, Via: []protocol.Key{{hub}}}
	}
	wanted := []protocol.Path{
		{ID: "direct", Kind: protocol.KindDirect, Endpoint: netip.MustParseAddrPort("192.0.2.1:1")}, over("hub", 1), over("spare", 2),
	}
	for _, h := range w.ends {
		h.do(h.prober.Want(wanted, idle, w.now))
		for hub := range byte(2) {
			h.do(h.prober.Hub(protocol.Key{hub + 1}, true, w.now))
		}
	}
	w.pulse(Quiet)
	w.slow = true
	w.run(5 * time.Minute)
	for _, h := range w.ends {
		clear(h.asks)
	}
	return w
}

func (w *world) pulse(pulse Pulse) {
	for _, h := range w.ends {
		h.prober.Observe(pulse, true, w.now)
	}
}

// asked are the moments at which either end asked over a path.
func (w *world) asked(id string) (all []time.Time) {
	for _, h := range w.ends {
		all = append(all, h.asks[id]...)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func TestAtRestBothEndsShareTheQuestions(t *testing.T) {
	for seed := range uint64(10) {
		w := atRest(t, seed)
		from := w.now
		w.run(time.Hour)
		for id, most := range map[string]int{"direct": 170, "hub": 170, "spare": 40} {
			if asked := w.asked(id); len(asked) > most {
				t.Errorf("seed %d: %d questions an hour over %s", seed, len(asked), id)
			}
		}
		// Who answers sends, too: so often has either NAT seen something leave.
		last := from
		for _, at := range w.asked("direct") {
			if at.Sub(last) > idle+time.Second {
				t.Errorf("seed %d: for %v nothing went over the direct path", seed, at.Sub(last))
			}
			last = at
		}
		for _, h := range w.ends {
			if len(h.asks["direct"]) < 20 {
				t.Errorf("seed %d: %d asked %d times an hour itself", seed, h.side, len(h.asks["direct"]))
			}
		}
	}
}

func TestAtRestBothEndsLearnThatAPathIsDead(t *testing.T) {
	for _, id := range []string{"direct", "hub", "spare"} {
		for _, kind := range []string{"both ways", "one way"} {
			for seed := range uint64(10) {
				w := atRest(t, seed)
				w.run(time.Duration(w.random.IntN(60)) * time.Second)
				cuts[kind](w.lines[id])
				w.run(ownMin*sparePace + 5*time.Second)
				for _, h := range w.ends {
					if h.prober.find(id).phase != down || h.prober.Active() == id {
						t.Fatalf("%s, %s, seed %d: not known at %d\n%s", id, kind, seed, h.side, strings.Join(w.log, "\n"))
					}
				}
			}
		}
	}
}

// awake begins to talk: the first packet is told, and the counters tell later.
func (w *world) awake(h *host, pulse Pulse, pace time.Duration) {
	h.prober.Woken(w.now)
	h.stream(pace)
	w.after(time.Duration(w.random.IntN(1000))*millisecond, func() { w.pulse(pulse) })
}

func TestAPairAtRestThatBeginsToTalkDoesNotStayOnADeadPath(t *testing.T) {
	for _, also := range []string{"", "hub", "spare"} {
		longest := time.Duration(0)
		for seed := range uint64(40) {
			w := atRest(t, seed)
			w.run(time.Duration(w.random.IntN(60)) * time.Second)
			w.slow = false
			w.run(time.Second)
			cuts["both ways"](w.lines["direct"])
			if also != "" {
				cuts["both ways"](w.lines[also])
			}
			w.run(millisecond)
			from := w.now
			w.awake(w.ends[0], Flow, 10*millisecond)
			w.run(5 * time.Second)
			if gap := w.ends[1].gap(from, w.now); gap > 500*millisecond {
				t.Errorf("%q, seed %d: %v\n%s", also, seed, gap, strings.Join(w.log, "\n"))
			} else {
				longest = max(longest, gap)
			}
		}
		t.Logf("dead too: %q, longest %v", also, longest)
	}
}

func TestATrickleIsWatchedPacketByPacket(t *testing.T) {
	for seed := range uint64(20) {
		w := atRest(t, seed)
		w.slow = false
		w.run(time.Second)
		w.awake(w.ends[0], Trickle, time.Second)
		w.run(time.Minute)
		if asked := len(w.asked("hub")) + len(w.asked("spare")); asked > 8 {
			t.Errorf("seed %d: %d questions a minute over other paths", seed, asked)
		}
		cuts["both ways"](w.lines["direct"])
		from := w.now
		w.run(10 * time.Second)
		// The packet that found out left over both.
		if gap := w.ends[1].gap(from, w.now); gap > 2100*millisecond {
			t.Errorf("seed %d: %v\n%s", seed, gap, strings.Join(w.log, "\n"))
		}
	}
}

func TestWhatIsDownIsAskedLessAndLessAndAtOnceWhenThereIsHope(t *testing.T) {
	for what, stir := range map[string]func(s *story){
		"a flow of traffic":      func(s *story) { s.prober.Observe(Flow, true, s.now) },
		"the first packet":       func(s *story) { s.prober.Woken(s.now) },
		"the peer elsewhere":     func(s *story) { s.prober.Moved(s.now) },
		"another path":           func(s *story) { s.tell(s.prober.Want([]protocol.Path{first, other}, idle, s.now)) },
		"a question of the peer": func(s *story) { s.tell(s.prober.Heard("first", Report{}, s.now)) },
	} {
		s := newStory(t, first)
		s.prober.Observe(Quiet, true, s.now)
		s.run(time.Hour)
		// At the pace of an outage it would be 720.
		if asked, most := s.asked("first"), int(time.Hour/idle)+20; asked > most {
			t.Errorf("%d questions an hour", asked)
		}
		s.run(10 * time.Second)
		s.told = nil
		s.alive["first"] = time.Millisecond
		stir(s)
		s.run(downPace)
		if !s.prober.Snapshot()[0].Up {
			t.Errorf("%s was no reason to ask: %v", what, s.told)
		}
	}
}

func (s *story) asked(id string) (count int) {
	for _, line := range s.told {
		if strings.HasSuffix(line, "ask "+id) {
			count++
		}
	}
	return count
}

func TestAPathThatOnlyCarriesFramesIsNotAskedLess(t *testing.T) {
	s := newTold(t, "first")
	s.flow(3 * time.Second)
	s.deaf["first"] = true
	s.flow(2 * time.Second)
	s.prober.Observe(Quiet, true, s.now)
	s.run(time.Hour)
	delete(s.alive, "first")
	s.run((missesMax + 1) * downPace)
	if got := s.prober.Direct(); got.IsValid() {
		t.Errorf("it does not answer, and frames go to %v", got)
	}
}

func TestAPathThroughFiltersComesBackSoonAlsoAtRest(t *testing.T) {
	for _, pulse := range []Pulse{Quiet, Trickle} {
		waits := []time.Duration{}
		for seed := range uint64(60) {
			w := atRest(t, seed)
			for side := range w.lines["direct"] {
				w.lines["direct"][side].filter = 30 * time.Second
			}
			w.lines["direct"][0].dead, w.lines["direct"][1].dead = true, true
			w.pulse(Flow)
			w.run(time.Duration(20+w.random.IntN(300)) * time.Second)
			w.pulse(pulse)
			w.run(time.Duration(w.random.IntN(600)) * time.Second)
			w.lines["direct"][0].dead, w.lines["direct"][1].dead = false, false
			healed := w.now
			for w.now.Sub(healed) < time.Hour && (w.ends[0].prober.Active() != "direct" || w.ends[1].prober.Active() != "direct") {
				w.run(time.Second)
			}
			waits = append(waits, w.now.Sub(healed))
		}
		if longest := slices.Max(waits); longest > idle+downPace {
			t.Errorf("pulse %v: %v", pulse, longest)
		}
	}
}
