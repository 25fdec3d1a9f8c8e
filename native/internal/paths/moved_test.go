// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"testing"
	"time"
)

func TestAPeerHeardElsewhereHasItsPathsAskedAtOnceAndThoseThatLeadNowhereFall(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["first"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Second)
	delete(s.alive, "first")
	s.told = nil
	s.prober.Moved(s.now)
	s.run(2 * time.Second)
	s.expect(
		"10s ask first", "10s ask other", "10.2s ask first", "10.4s ask first",
		"10.5s ask other", "10.6s ask first", "10.7s ask other", "10.8s ask first", "10.9s ask other", "11s ask first", "11.1s ask other",
		"11.2s down first",
		`11.2s switch "first" to "other": path-down, gap 11.199s`,
		"12s ask first",
	)
}

func TestPathsThatStillLeadToThePeerAreAskedOnceAndStay(t *testing.T) {
	s := newStory(t, first)
	s.alive["first"] = time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Second)
	s.told = nil
	s.prober.Moved(s.now)
	s.run(5 * time.Second)
	s.expect("10s ask first")
}

func TestAPeerThatKeepsMovingIsAskedAfterEachSecondAtMost(t *testing.T) {
	s := newStory(t, first)
	s.alive["first"] = time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Second)
	s.told = nil
	for range 20 {
		s.prober.Moved(s.now)
		s.run(100 * time.Millisecond)
	}
	s.expect("10s ask first", "11s ask first")
}

func TestWhatGoesOverAPeerLeavesForWhereItHasAnsweredSinceItMoved(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["first"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Second)
	delete(s.alive, "first")
	s.prober.Moved(s.now)
	if got := s.prober.Direct(); got.Endpoint != first.Endpoint {
		t.Errorf("before any answer it leaves for %v, want %v", got, first.Endpoint)
	}
	s.run(10 * time.Millisecond)
	if got := s.prober.Direct(); got.Endpoint != other.Endpoint {
		t.Errorf("after the answer it leaves for %v, want %v", got, other.Endpoint)
	}
}
