// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"testing"
)

const millisecond = int64(1e6)

func TestDelayIsAddedToTheTimeOfArrival(t *testing.T) {
	d := newDirection(1, 0)
	mustSet(t, d, "delayMs", 25)
	copies, due := d.pass(100, 7*millisecond)
	if copies != 1 || due != 32*millisecond {
		t.Fatalf("%d copies due at %d", copies, due)
	}
}

func TestJitterKeepsOrderUnlessReorderIsSet(t *testing.T) {
	for _, reorder := range []float64{0, 1} {
		d := newDirection(1, 0)
		mustSet(t, d, "delayMs", 20)
		mustSet(t, d, "jitterMs", 10)
		mustSet(t, d, "reorder", reorder)
		overtaken, last := 0, int64(0)
		for i := range int64(500) {
			_, due := d.pass(100, i*millisecond)
			if due < last {
				overtaken++
			}
			last = due
		}
		if (overtaken > 0) != (reorder == 1) {
			t.Errorf("reorder=%v: %d frames overtaken", reorder, overtaken)
		}
	}
}

func TestRateSpacesFramesByTheirLength(t *testing.T) {
	d := newDirection(1, 0)
	mustSet(t, d, "rateKbit", 8000) // a byte a microsecond
	for i := range int64(10) {
		_, due := d.pass(996, 0)
		if want := (i + 1) * millisecond; due != want {
			t.Fatalf("frame %d due at %d, not %d", i, due, want)
		}
	}
}

func TestLossIsTheShareAsked(t *testing.T) {
	expectLoss(t, 10, map[string]float64{"lossPercent": 10})
}

func TestBurstsLoseTheShareOfTimeInThem(t *testing.T) {
	// Gilbert-Elliott: enter / (enter + leave).
	expectLoss(t, 20, map[string]float64{"burstEnterPercent": 1, "burstLeavePercent": 4})
}

func TestDownLosesAllAndFullQueuesOverflow(t *testing.T) {
	d := newDirection(1, 0)
	mustSet(t, d, "limitPackets", 2)
	for range 3 {
		d.pass(100, 0)
	}
	if d.overflowed != 1 || d.queued != 2 {
		t.Errorf("overflowed %d, queued %d", d.overflowed, d.queued)
	}
	mustSet(t, d, "down", 1)
	if copies, _ := d.pass(100, 0); copies != 0 || d.lost != 1 {
		t.Errorf("down passed %d copies", copies)
	}
}

func TestTheSameSeedGivesTheSameFate(t *testing.T) {
	fates := func(seed, stream uint64) (fates [64]int) {
		d := newDirection(seed, stream)
		mustSet(t, d, "lossPercent", 50)
		for i := range fates {
			fates[i], _ = d.pass(100, 0)
		}
		return fates
	}
	if first, again := fates(1, 0), fates(1, 0); first != again {
		t.Error("one seed gave two fates")
	}
	if fates(1, 0) == fates(2, 0) || fates(1, 0) == fates(1, 1) {
		t.Error("two seeds, or two directions, gave one fate")
	}
}

func TestAnUnknownSettingIsRefused(t *testing.T) {
	if newDirection(1, 0).set("colour", 1) == nil {
		t.Error("colour was taken")
	}
}

func expectLoss(t *testing.T, percent float64, settings map[string]float64) {
	t.Helper()
	d := newDirection(1, 0)
	for name, value := range settings {
		mustSet(t, d, name, value)
	}
	const frames = 100_000
	for range frames {
		d.pass(100, 0)
		d.queued = 0
	}
	if lost := 100 * float64(d.lost) / frames; math.Abs(lost-percent) > 1.5 {
		t.Errorf("lost %.1f %%, not %.1f %%", lost, percent)
	}
}

func mustSet(t *testing.T, d *direction, name string, value float64) {
	t.Helper()
	if err := d.set(name, value); err != nil {
		t.Fatal(err)
	}
}
