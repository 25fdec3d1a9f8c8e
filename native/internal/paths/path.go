// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"math/bits"
	"time"

	"meshgate.dev/native/internal/protocol"
)

type phase int

const (
	// trial: new, asked quickly.
	trial phase = iota
	up
	down
)

// A question is a probe that was sent.
type question struct {
	transaction protocol.Transaction
	sentAt      time.Time
	// traffic is what had been sent over the path by then.
	traffic  Traffic
	missedAt time.Time
	missed   bool
}

// A path is what is known of one way to the peer.
type path struct {
	spec protocol.Path
	id   string
	// number is what the peer knows the path by.
	number uint8

	// stuck is set while what the path leads over is not there: its first hub, its server, its channel.
	stuck bool
	phase phase
	// fellAt is when it last went down after it was up.
	fellAt    time.Time
	bornAt    time.Time
	lastSent  time.Time
	trialWait time.Duration
	// nudged paths are asked soon, because the peer was heard to ask over them.
	nudged    bool
	questions []question
	// askedAt is when the peer last asked over it, and sharedAt the same if it was content by then.
	askedAt  time.Time
	sharedAt time.Time
	// dice is drawn with each question, so that the ends do not ask at the same time.
	dice uint8
	// answeredTo is when the youngest question was sent that was answered; misses are of younger ones.
	answeredTo time.Time
	misses     int
	// missingSince is when the first of them was sent.
	missingSince time.Time

	rtt       time.Duration
	rttVar    time.Duration
	lastReply time.Time

	proof proof
	rest  rest
	loss  loss
	floor floor
	aside aside
	// examined is how often it was answered, or not, since the last examination began.
	examined int
	// heldUntil is when a path that carried nothing may be tried again, and holdTime how long that was.
	heldUntil time.Time
	holdTime  time.Duration

	history uint64
	count   int
}

func newPath(spec protocol.Path, number uint8, now time.Time) *path {
	// A way to the hub, or a channel, is not there until somebody says so.
	stuck := spec.Kind == protocol.KindRelay || spec.Kind == protocol.KindChannel
	return &path{spec: spec, id: spec.ID, number: number, stuck: stuck, bornAt: now}
}

// pace is the wait from one probe to the next.
func (p *path) pace(idle time.Duration, busy bool) time.Duration {
	switch {
	case p.phase == trial:
		return p.trialWait
	case p.phase == down && !p.fellAt.IsZero() && p.lastSent.Sub(p.fellAt) < freshTime:
		return freshPace
	case p.phase == down:
		return downPace
	case p.proof.doubts > 0 || p.proof.suspect && busy:
		return doubtPace
	case p.misses > 0:
		return retryPace
	case busy:
		return activePace
	}
	return idle
}

// dueAt is when to ask next; zero is never.
func (p *path) dueAt(idle time.Duration, busy bool) time.Time {
	if p.stuck {
		return time.Time{}
	}
	if p.lastSent.IsZero() {
		return p.bornAt
	}
	return p.lastSent.Add(p.pace(idle, busy))
}

func (p *path) answerTime() time.Duration {
	return max(answerTimeMin, answerTimeRtts*p.rtt)
}

// patience is how long it takes at most, ordinarily, until something comes back.
func (p *path) patience() time.Duration {
	usual := p.rtt + max(patienceVarMin, patienceVars*p.rttVar)
	return min(max(patienceMin, usual), p.answerTime())
}

func (p *path) sent(transaction protocol.Transaction, traffic Traffic, now time.Time) {
	p.lastSent, p.nudged, p.dice = now, false, transaction[len(transaction)-1]
	p.trialWait = max(trialStart, 2*p.trialWait)
	if len(p.questions) == outstandingMax {
		p.questions = p.questions[1:]
	}
	p.questions = append(p.questions, question{transaction, now, traffic, now.Add(p.answerTime()), false})
}

// release begins anew with a path whose hub can be reached again; what was measured is kept.
func (p *path) release(now time.Time) {
	p.stuck, p.phase, p.bornAt = false, trial, now
	p.lastSent, p.trialWait, p.misses, p.questions = time.Time{}, 0, 0, nil
}

// expire counts what was not answered in time, and tells whether that brought the path down.
func (p *path) expire(now time.Time) (fell bool) {
	kept := p.questions[:0]
	for _, q := range p.questions {
		if !q.missed && !now.Before(q.missedAt) {
			q.missed = true
			p.record(true)
			p.loss.lost(1, now)
			p.examined++
			if q.sentAt.After(p.answeredTo) {
				if p.misses++; p.misses == 1 {
					p.missingSince = q.sentAt
				}
			}
		}
		if now.Sub(q.sentAt) < lateTime {
			kept = append(kept, q)
		}
	}
	p.questions = kept
	switch {
	case p.stuck:
	case p.phase == trial && now.Sub(p.bornAt) >= trialTime:
		p.phase = down
	case p.phase == up && p.misses >= missesMax && now.Sub(p.missingSince) >= fallTime:
		p.phase, p.fellAt = down, now
		p.rest.fell(now)
		p.proof.carries, p.proof.doubts = CarriesUnknown, 0
		return true
	}
	return false
}

// An effect is what an answer did to a path.
type effect struct{ rose, heard bool }

// answered takes the answer to one of its questions, and tells whether it is one. A path that is needed
// need not rest.
func (p *path) answered(
	transaction protocol.Transaction, report Report, needed bool, now time.Time,
) (did effect, mine bool) {
	for i, q := range p.questions {
		if q.transaction != transaction {
			continue
		}
		p.questions = append(p.questions[:i], p.questions[i+1:]...)
		if q.missed {
			p.loss.found()
		} else {
			p.record(false)
			p.loss.kept(1)
			p.examined++
		}
		p.measure(now.Sub(q.sentAt))
		if q.sentAt.After(p.answeredTo) {
			p.answeredTo = q.sentAt
		}
		p.misses = 0
		p.lastReply = now
		did.heard = p.proof.learn(q.traffic, report, now)
		if report.Told {
			p.loss.learn(q.traffic.Transport, report.Transport, now)
		}
		// What was heard ends any hold: only packets can prove a path, and they have.
		did.rose = p.phase != up && !p.stuck && (did.heard || !now.Before(p.heldUntil)) &&
			(needed || p.rest.isOver(now))
		if did.rose {
			p.phase, p.proof.doubts = up, 0
			p.rest.rose(now)
			// What it lost while it was down says nothing of what it loses now.
			p.history, p.count, p.loss = 0, 1, p.loss.anew()
		}
		return did, true
	}
	return did, false
}

// lastAlive is when the path was last seen to do what it is for: it answered, or something came over it.
func (p *path) lastAlive(heardAt time.Time) time.Time {
	if p.proof.carries == CarriesNothing {
		return p.proof.heardAt
	}
	if heardAt.After(p.lastReply) {
		return heardAt
	}
	return p.lastReply
}

func (p *path) measure(rtt time.Duration) {
	p.floor.take(rtt)
	if p.rtt == 0 {
		p.rtt, p.rttVar = max(rtt, 1), rtt/2
		return
	}
	p.rttVar += ((rtt - p.rtt).Abs() - p.rttVar) / rttVarWeight
	p.rtt += (rtt - p.rtt) / rttWeight
}

func (p *path) record(lost bool) {
	p.history <<= 1
	if lost {
		p.history |= 1
	}
	p.count = min(p.count+1, historyLength)
}

func (p *path) lossPermille() int {
	if p.count == 0 {
		return 0
	}
	return bits.OnesCount64(p.history) * 1000 / p.count
}

// nextTimeout is when the next open question is missed or the trial ends.
func (p *path) nextTimeout() (deadline time.Time) {
	for _, q := range p.questions {
		if !q.missed {
			deadline = earliest(deadline, q.missedAt)
		}
	}
	if p.phase == up && p.misses >= missesMax {
		deadline = earliest(deadline, p.missingSince.Add(fallTime))
	}
	if p.phase == trial && !p.stuck {
		deadline = earliest(deadline, p.bornAt.Add(trialTime))
	}
	return deadline
}

// earliest takes the zero time for never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
