// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// stream carries a packet every ten milliseconds.
func (s *story) stream(duration time.Duration) {
	for range duration / (10 * time.Millisecond) {
		s.carry(1)
		s.run(10 * time.Millisecond)
	}
}

func TestPacketsLeaveTwiceAsSoonAsNothingComesBackAndTrafficMovesWhenTheOtherPathHasAnswered(t *testing.T) {
	s := newTold(t, "first", "other")
	s.stream(3 * time.Second)
	delete(s.alive, "first")
	s.deaf["first"] = true
	s.told = nil
	s.stream(150 * time.Millisecond)
	if s.twice != "other" || s.prober.Active() != "first" {
		t.Fatalf("after 150 ms doubled %q, told %v", s.twice, s.told)
	}
	s.stream(1500 * time.Millisecond)
	if s.prober.Active() != "other" || s.twice != "" {
		t.Errorf("active is %q, doubled %q, told %v", s.prober.Active(), s.twice, s.told)
	}
}

func TestWhatOnlyGoesOneWayIsAskedAfterOftenAndNotDoubled(t *testing.T) {
	s := newTold(t, "first", "other")
	s.mute["first"] = true
	s.stream(2 * time.Second)
	s.told = nil
	s.stream(time.Second)
	asked := 0
	for _, told := range s.told {
		if strings.HasSuffix(told, "ask first") {
			asked++
		}
	}
	if asked < 7 || asked > 11 || s.twice != "" || s.prober.Active() != "first" {
		t.Errorf("asked %d times, doubled %q, told %v", asked, s.twice, s.told)
	}
}

func TestTrafficStaysWhereItIsWhileNoOtherPathAnswers(t *testing.T) {
	s := newTold(t, "first", "other")
	s.stream(3 * time.Second)
	clear(s.alive)
	s.deaf["first"], s.deaf["other"] = true, true
	s.told = nil
	s.stream(time.Second)
	if told := strings.Join(s.told, "; "); strings.Contains(told, "switch") {
		t.Fatalf("moved: %s", told)
	}
	s.alive["other"], s.deaf["other"] = time.Millisecond, false
	s.stream(6 * time.Second)
	if s.prober.Active() != "other" {
		t.Errorf("active is %q, told %v", s.prober.Active(), s.told)
	}
}

func TestAPathThatAnswersAgainEndsTheDoubt(t *testing.T) {
	s := newTold(t, "first", "other")
	s.stream(3 * time.Second)
	delete(s.alive, "first")
	s.deaf["first"] = true
	s.stream(200 * time.Millisecond)
	if s.twice != "other" {
		t.Fatalf("doubled %q", s.twice)
	}
	s.alive["first"], s.deaf["first"] = time.Millisecond, false
	s.stream(200 * time.Millisecond)
	if s.twice != "" || s.prober.Active() != "first" {
		t.Errorf("doubled %q, active %q, told %v", s.twice, s.prober.Active(), s.told)
	}
}

func TestAPeerThatPrefersAnotherPathIsDoubtedOnce(t *testing.T) {
	s := newTold(t, "first", "other")
	s.stream(3 * time.Second)
	s.mute["first"] = true
	s.told = nil
	for range 500 {
		s.carry(1)
		s.back["other"] = s.now
		s.run(10 * time.Millisecond)
	}
	doubled := 0
	for _, told := range s.told {
		if strings.HasSuffix(told, `double "other"`) {
			doubled++
		}
	}
	if doubled != 1 || s.twice != "" || s.prober.Active() != "first" {
		t.Errorf("doubled %d times, now %q, told %v", doubled, s.twice, s.told)
	}
}

func TestTheFirstPacketAfterARestIsWatchedBeforeAnybodyHasReadTheCounters(t *testing.T) {
	s := newTold(t, "first", "other")
	s.stream(time.Second)
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Second)
	delete(s.alive, "first")
	s.deaf["first"] = true
	s.told = nil
	s.prober.Woken(s.now)
	s.stream(150 * time.Millisecond)
	if s.twice != "other" {
		t.Errorf("doubled %q, told %v", s.twice, s.told)
	}
	s.run(time.Minute)
}

func TestALookThatComesTooLateIsNotDueForEver(t *testing.T) {
	s := newTold(t, "first", "other")
	s.run(time.Second)
	s.prober.Observe(Quiet, true, s.now)
	s.prober.Woken(s.now)
	s.now = s.now.Add(time.Minute)
	s.prober.Advance(s.now)
	s.run(time.Minute)
}

func TestInRedundantModePacketsAlwaysLeaveTwice(t *testing.T) {
	third := protocol.Path{ID: "third", Kind: protocol.KindDirect, Endpoint: other.Endpoint}
	s := newStory(t, first, other, third)
	for _, id := range []string{"first", "other", "third"} {
		s.alive[id], s.heard[id] = time.Millisecond, Traffic{}
	}
	s.prober.Observe(Flow, true, s.now)
	s.tell(s.prober.Duplicate(true))
	s.stream(2 * time.Second)
	if s.prober.Active() != "first" || s.twice != "other" {
		t.Fatalf("active %q, doubled %q", s.prober.Active(), s.twice)
	}
	delete(s.alive, "first")
	s.deaf["first"] = true
	s.stream(3 * time.Second)
	if s.prober.Active() != "other" || s.twice != "third" {
		t.Errorf("active %q, doubled %q, told %v", s.prober.Active(), s.twice, s.told)
	}
	s.tell(s.prober.Duplicate(false))
	if s.twice != "" {
		t.Errorf("still doubled over %q", s.twice)
	}
}

func TestAWatchKnowsWhatLeftBetweenTwoMoments(t *testing.T) {
	w := watch{}
	for i := range 100 {
		w.look(uint32(i), time.Time{}, start.Add(time.Duration(i)*watchPace))
	}
	at := func(i int) time.Time { return start.Add(time.Duration(i) * watchPace) }
	for _, c := range []struct {
		from, to int
		want     uint32
	}{{90, 95, 5}, {95, 95, 0}, {97, 200, 2}, {0, 50, 0}, {0, 200, looksKept - 1}} {
		if got := w.sentBetween(at(c.from), at(c.to)); got != c.want {
			t.Errorf("from %d to %d: %d, want %d", c.from, c.to, got, c.want)
		}
	}
}
