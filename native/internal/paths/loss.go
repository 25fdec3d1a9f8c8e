// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// What is lost is judged by a cumulative sum (Page 1954): each thing that was kept or lost adds how much more
// likely that is on a lossy path than on a good one, and the sum never falls below zero. So loss is noticed
// as soon as there is evidence enough, however much or little traffic there is, and chance is not.
//
//	              good   lossy   added if kept   added if lost
//	probe         10 %   25 %    -0.18           +0.92           a round trip: twice the loss of one way
//	packet         7 %   20 %    -0.15           +1.05
const (
	probeKept  = -0.18
	probeLost  = 0.92
	packetKept = -0.15
	packetLost = 1.05

	// lossAlarm is the sum at which a path counts as lossy: chance reaches it once in e^9 runs of losses.
	lossAlarm = 9.0
	// lossMax lets the sum fall again soon after a burst of losses.
	lossMax = 12.0
	// lossTime is how long it must have been above zero by then: a burst is an outage, and others see to those.
	lossTime = 2 * time.Second
	// lossSuspect is reason to look closer, and a path that has less than lossCalm may be taken instead.
	lossSuspect = 2.5
	lossCalm    = 2.0
	// cleanEnough is the same evidence for the opposite: some 28 probes in a row were answered.
	cleanEnough = 5.0

	// packetsMin are compared at once at least, and all that are count as packetsMax at most: packets that
	// leave together are lost together.
	packetsMin = 8
	packetsMax = 10
)

// loss is the evidence of what a path loses.
type loss struct {
	sum float64
	// since is when the sum left zero.
	since time.Time
	// clean is the evidence that the path loses little.
	clean float64

	// sent and heard are as of the last comparison, and owed is what was sent and is not heard yet: packets
	// overtake each other, so it may be negative.
	known       bool
	sent, heard uint32
	owed        int32
}

// kept and lost take probes.
func (l *loss) kept(probes float64) { l.add(probes*probeKept, time.Time{}) }

func (l *loss) lost(probes float64, now time.Time) { l.add(probes*probeLost, now) }

// found takes back a loss: the answer was late.
func (l *loss) found() { l.add(probeKept-probeLost, time.Time{}) }

// learn takes what had been sent when a question was asked, and what the peer had heard when that arrived.
func (l *loss) learn(sent, heard uint32, now time.Time) {
	if !l.known || int32(heard-l.heard) < 0 || int32(sent-l.sent) < 0 {
		l.known, l.sent, l.heard, l.owed = true, sent, heard, 0
		return
	}
	left := int32(sent - l.sent)
	if left < packetsMin {
		return
	}
	l.owed += left - int32(heard-l.heard)
	l.sent, l.heard = sent, heard
	lost := float64(min(max(0, l.owed), left))
	l.owed = min(0, l.owed)
	weight := min(1, packetsMax/float64(left))
	l.add(weight*(lost*packetLost+(float64(left)-lost)*packetKept), now)
}

func (l *loss) add(evidence float64, now time.Time) {
	if l.sum == 0 && evidence > 0 {
		l.since = now
	}
	l.sum = min(max(0, l.sum+evidence), lossMax)
	l.clean = min(max(0, l.clean-evidence), cleanEnough)
}

// anew forgets the evidence.
func (l *loss) anew() loss {
	kept := *l
	kept.sum, kept.clean = 0, 0
	return kept
}

func (l *loss) isLossy(now time.Time) bool {
	return l.sum >= lossAlarm && now.Sub(l.since) >= lossTime
}
