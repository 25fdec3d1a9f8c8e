// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// carry makes WireGuard send a packet over what is active, and over what it is doubled onto.
func (s *story) carry(packets uint32) {
	for _, id := range []string{s.prober.Active(), s.twice} {
		sent := s.sent[id]
		sent.Transport += packets
		s.sent[id] = sent
		if heard, told := s.heard[id]; told && !s.deaf[id] {
			heard.Transport += packets
			s.heard[id] = heard
		}
		if _, alive := s.alive[id]; alive && !s.deaf[id] && !s.mute[id] {
			s.back[id] = s.now.Add(time.Millisecond)
		}
	}
}

// flow carries a packet every hundred milliseconds.
func (s *story) flow(duration time.Duration) {
	for range duration / (100 * time.Millisecond) {
		s.carry(1)
		s.run(100 * time.Millisecond)
	}
}

// newTold is a story in which the peer tells what it hears, and there is a session.
func newTold(t *testing.T, alive ...string) *story {
	s := newStory(t, first, other)
	for _, id := range alive {
		s.alive[id] = time.Millisecond
	}
	s.heard["first"], s.heard["other"] = Traffic{}, Traffic{}
	s.prober.Observe(Flow, true, s.now)
	return s
}

func (s *story) carries(id string) Carries {
	s.t.Helper()
	for _, path := range s.prober.Snapshot() {
		if path.ID == id {
			return path.Carries
		}
	}
	s.t.Fatalf("no path %s", id)
	return CarriesUnknown
}

func TestALedgerComparesWhatWasSentWithWhatWasHeard(t *testing.T) {
	l := ledger{}
	for i, step := range []struct {
		sent, heard uint32
		grew        bool
		owed        uint32
	}{
		{5, 0, false, 0}, // The first report is where it begins.
		{5, 0, false, 0},
		{8, 0, false, 3},
		{9, 2, true, 2},
		{11, 3, true, 1},
		{11, 3, false, 0},
		{14, 3, false, 3},
		{20, 0, false, 0}, // The peer counts anew.
		{21, 0, false, 1},
		{^uint32(0), ^uint32(0) - 1, false, 0}, // Far ahead is behind: also anew.
		{1, 1, true, 0},                        // Counters wrap.
		{3, 1, false, 2},
	} {
		if grew, owed := l.learn(step.sent, step.heard); grew != step.grew || owed != step.owed {
			t.Errorf("step %d: %t and %d owed, want %t and %d", i, grew, owed, step.grew, step.owed)
		}
	}
}

func TestAMoreWantedPathIsUsedWhenItHasCarriedAPacket(t *testing.T) {
	s := newTold(t, "other")
	s.flow(4 * time.Second)
	s.alive["first"] = time.Millisecond
	s.told = nil
	s.run(3 * time.Second)
	s.told = nil
	s.carry(1)
	s.run(101 * time.Millisecond)
	if s.prober.Active() != "first" || s.twice != "" || s.carries("first") != CarriesTraffic {
		t.Errorf("active is %q, doubled %q, told %v", s.prober.Active(), s.twice, s.told)
	}
}

func TestAMoreWantedPathThatCarriesNothingIsNeverUsed(t *testing.T) {
	s := newTold(t, "other")
	s.flow(4 * time.Second)
	s.alive["first"] = time.Millisecond
	s.deaf["first"] = true
	for range 600 {
		s.flow(100 * time.Millisecond)
		if s.prober.Active() != "other" {
			t.Fatalf("after %v active is %q", s.now.Sub(start), s.prober.Active())
		}
	}
	if s.carries("first") != CarriesNothing || s.carries("other") != CarriesTraffic || s.twice != "" {
		t.Errorf("first %v, other %v, doubled %q", s.carries("first"), s.carries("other"), s.twice)
	}
	s.deaf["first"] = false
	s.flow(2 * holdMax)
	if s.prober.Active() != "first" {
		t.Error("it carries again, and is not used")
	}
}

func TestAnIdleMoreWantedPathProvesItselfWithEchoes(t *testing.T) {
	s := newTold(t, "other")
	s.prober.Observe(Quiet, true, s.now)
	s.run(time.Second)
	s.alive["first"] = time.Millisecond
	s.told = nil
	s.echoes = func() { s.carry(1) }
	s.run(6 * time.Second)
	s.expect(
		"1.5s ask first", `1.501s double "first"`, "1.501s up first 1ms", "1.501s echo", "1.6s ask first",
		`1.601s switch "other" to "first": path-up, gap 0s`, `1.601s double ""`,
	)
}

func TestTheFirstPathIsUsedAtOnce(t *testing.T) {
	s := newTold(t, "first", "other")
	s.prober.Observe(Quiet, false, s.now)
	s.run(10 * time.Millisecond)
	s.expect(
		`0s switch "" to "first": desired, gap 0s`, "0s ask first", "0s ask other",
		"1ms up first 1ms", "1ms handshake", "1ms echo", "1ms up other 1ms",
	)
}

func TestAPathThatStopsCarryingLosesItsPlaceThoughItAnswers(t *testing.T) {
	s := newTold(t, "first", "other")
	s.flow(3 * time.Second)
	if s.carries("first") != CarriesTraffic {
		t.Fatalf("told %v", s.told)
	}
	s.deaf["first"] = true
	s.told = nil
	s.flow(2 * time.Second)
	if s.prober.Active() != "other" || s.carries("first") != CarriesNothing {
		t.Errorf("active is %q, told %v", s.prober.Active(), s.told)
	}
}

func TestAPathIsNotDoubtedForPacketsThatItWasNotGiven(t *testing.T) {
	s := newTold(t, "first", "other")
	s.flow(3 * time.Second)
	s.told = nil
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Minute)
	for _, id := range []string{"first", "other"} {
		if s.carries(id) == CarriesNothing {
			t.Errorf("%s is said to carry nothing: %v", id, s.told)
		}
	}
}

func TestAPeerThatTellsNothingIsBelievedItsProbes(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["first"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.prober.Observe(Flow, true, s.now)
	s.flow(time.Minute)
	if s.prober.Active() != "first" || s.carries("first") != CarriesUnknown {
		t.Errorf("active is %q, told %v", s.prober.Active(), s.told)
	}
}

func TestHandshakesThatAreNotHeardCountIfThereIsNoSession(t *testing.T) {
	s := newTold(t, "first", "other")
	s.prober.Observe(Quiet, false, s.now)
	s.handshakes = func() {
		sent := s.sent[s.prober.Active()]
		sent.Handshakes++
		s.sent[s.prober.Active()] = sent
	}
	s.run(30 * time.Second)
	if s.carries("first") != CarriesNothing {
		t.Errorf("told %v", s.told)
	}
}

func TestTheHoldDoublesAndBeginsAnewAfterALongGoodTime(t *testing.T) {
	p, now := proof{}, start
	held := time.Duration(0)
	for _, want := range []time.Duration{10, 20, 40, 80, 160, 320, 600, 600} {
		if held = p.nothing(held, now); held != want*time.Second {
			t.Errorf("held %v, want %v", held, want*time.Second)
		}
	}
	p.carries, p.carriedSince = CarriesTraffic, now
	if got := p.nothing(held, now.Add(time.Minute)); got != holdMax {
		t.Errorf("after a minute %v", got)
	}
	p.carries, p.carriedSince = CarriesTraffic, now
	if got := p.nothing(held, now.Add(holdMax)); got != holdStart {
		t.Errorf("after a long time %v", got)
	}
}

func TestWhatThePeerSaysWhenItAsksProvesAPathAndNeverDisprovesOne(t *testing.T) {
	s := newTold(t, "other")
	s.flow(4 * time.Second)
	s.alive["first"] = time.Millisecond
	s.run(2700 * time.Millisecond)
	s.carry(1)
	s.tell(s.prober.Heard("first", Report{Traffic{Transport: 1}, true}, s.now))
	if s.prober.Active() != "other" || s.twice != "first" {
		t.Fatalf("active is %q, told %v", s.prober.Active(), s.told)
	}
	s.tell(s.prober.Heard("first", Report{Traffic{Transport: 2}, true}, s.now))
	if s.prober.Active() != "first" || s.twice != "" {
		t.Errorf("active is %q, told %v", s.prober.Active(), s.told)
	}
}

func TestAHubThatAnswersIsReachedThoughItsPathCarriesNothingOfWireGuard(t *testing.T) {
	s := newTold(t, "first")
	s.flow(3 * time.Second)
	s.deaf["first"] = true
	s.flow(2 * time.Second)
	if got := s.prober.Direct(); s.carries("first") != CarriesNothing || got.Endpoint != first.Endpoint {
		t.Errorf("carries %v, frames go to %v", s.carries("first"), got)
	}
	delete(s.alive, "first")
	s.run(30 * time.Second)
	if got := s.prober.Direct(); got.IsValid() {
		t.Errorf("it does not answer, and frames go to %v", got)
	}
}

func TestPathsOverAHubGoDownWithIt(t *testing.T) {
	hub := protocol.Key{1}
	over := protocol.Path{ID: "over", Kind: protocol.KindRelay, Via: []protocol.Key{hub}}
	s := newStory(t, over, other)
	s.prober.Observe(Quiet, true, s.now)
	s.alive["over"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.run(time.Second)
	s.expect(`0s switch "" to "other": desired, gap 0s`, "0s ask other", "1ms up other 1ms")
	s.tell(s.prober.Hub(hub, true, s.now))
	s.run(time.Second)
	s.expect("1s ask over", "1.001s up over 1ms", `1.001s switch "other" to "over": path-up, gap 0s`)
	s.tell(s.prober.Hub(protocol.Key{2}, false, s.now))
	s.expect()
	s.tell(s.prober.Hub(hub, false, s.now))
	s.expect("2s down over", `2s switch "over" to "other": path-down, gap 999ms`)
}
