// SPDX-License-Identifier: Apache-2.0

package main

import "math/rand/v2"

// etherOverhead is the frame check sequence, which a TAP does not show but a real link carries.
const etherOverhead = 4

// direction is one way of a link: what it does to frames, and what it has done.
type direction struct {
	delayMs, jitterMs            float64
	lossPercent, dupPercent      float64
	burstEnterPct, burstLeavePct float64 // Gilbert-Elliott: every frame inside a burst is lost
	rateKbit                     float64 // 0 is unlimited
	limitPackets                 int
	reorder, down                bool
	filter                       filter

	out     int // file descriptor of the far TAP
	random  *rand.Rand
	inBurst bool
	queued  int
	lastNs  int64 // when the latest frame leaves, to keep order under jitter
	busyNs  int64 // until when the rate limit occupies the link

	received, sent, lost, overflowed uint64
}

func newDirection(seed, stream uint64) *direction {
	// A generator for each direction: what happens on one link does not depend on the traffic of another.
	return &direction{limitPackets: 1000, random: rand.New(rand.NewPCG(seed, stream))}
}

// pass decides the fate of a frame that came at nowNs: how many copies leave, and when.
func (d *direction) pass(lengthBytes int, nowNs int64) (copies int, dueNs int64) {
	d.received++
	d.stepBurst()
	if d.down || d.inBurst || d.chance(d.lossPercent) {
		d.lost++
		return 0, 0
	}
	if d.queued >= d.limitPackets {
		d.overflowed++
		return 0, 0
	}
	due := nowNs
	if d.rateKbit > 0 {
		due = max(d.busyNs, nowNs) + int64(float64(lengthBytes+etherOverhead)*8e6/d.rateKbit)
		d.busyNs = due
	}
	lateMs := d.delayMs
	if d.jitterMs > 0 {
		lateMs += (d.random.Float64()*2 - 1) * d.jitterMs
	}
	due += int64(max(lateMs, 0) * 1e6)
	if !d.reorder {
		due = max(due, d.lastNs)
	}
	d.lastNs = due
	copies = 1
	if d.chance(d.dupPercent) {
		copies = 2
	}
	d.queued += copies
	return copies, due
}

func (d *direction) stepBurst() {
	switch {
	case d.burstEnterPct <= 0:
		d.inBurst = false
	case d.inBurst:
		d.inBurst = !d.chance(d.burstLeavePct)
	default:
		d.inBurst = d.chance(d.burstEnterPct)
	}
}

func (d *direction) chance(percent float64) bool {
	return percent > 0 && d.random.Float64()*100 < percent
}

// set changes one setting; frames already queued keep the time they were given.
func (d *direction) set(name string, value float64) error {
	switch name {
	case "delayMs":
		// A shorter delay must not wait behind frames that were given the longer one.
		d.delayMs, d.lastNs = value, 0
	case "jitterMs":
		d.jitterMs = value
	case "lossPercent":
		d.lossPercent = value
	case "dupPercent":
		d.dupPercent = value
	case "burstEnterPercent":
		d.burstEnterPct = value
	case "burstLeavePercent":
		d.burstLeavePct = value
	case "rateKbit":
		d.rateKbit, d.busyNs = value, 0
	case "limitPackets":
		d.limitPackets = int(value)
	case "reorder":
		d.reorder = value != 0
	case "down":
		d.down = value != 0
	default:
		return d.filter.set(name, value)
	}
	return nil
}

// refuse counts a frame that the filter drops.
func (d *direction) refuse() {
	d.received++
	d.lost++
}
