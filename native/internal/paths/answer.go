// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"time"

	"meshgate.dev/native/internal/protocol"
)

// Answered takes a reply of the peer, and what it has heard on the path by which it was asked; it is
// nobody's if no path has asked for it.
func (prober *Prober) Answered(transaction protocol.Transaction, report Report, now time.Time) (actions []Action) {
	for _, p := range prober.paths {
		did, mine := p.answered(transaction, report, !prober.isAnyUp(), now)
		if !mine {
			continue
		}
		if did.rose {
			prober.hope(now)
			actions = append(actions, Rose{p.id, p.rtt})
			actions = append(actions, prober.choose(CauseUp, now)...)
			// A handshake that went out, or was answered, before there was a way would be tried again only
			// after five seconds; and one that nobody has asked for, not before the first packet.
			if !prober.hasSession && p == prober.active {
				actions = append(actions, Handshake{}, prober.echo(now))
			}
		}
		if p == prober.active && p.phase == up && p.proof.doubts == 0 {
			prober.relieve()
		} else if prober.active != nil && prober.active.phase != up {
			// This may be the answer for which a switch has waited.
			actions = append(actions, prober.choose(CauseDown, now)...)
		}
		actions = append(actions, prober.weigh(p, did.heard, now)...)
		actions = append(actions, prober.compare(now)...)
		return prober.settle(actions)
	}
	return actions
}

// Heard takes what the peer says when it asks over a path, which is reason to ask there, too.
func (prober *Prober) Heard(id string, report Report, now time.Time) []Action {
	p := prober.find(id)
	if p == nil {
		return nil
	}
	p.nudged = p.phase == down
	p.asked(now)
	return prober.settle(prober.believe(p, report, now))
}

// believe takes what the peer says unasked. That it has heard something proves the path; that it has
// not, only an answer can tell, because that is newer than what was sent.
func (prober *Prober) believe(p *path, report Report, now time.Time) []Action {
	if !p.proof.told || int32(report.Transport-p.proof.transport.heard) <= 0 {
		return nil
	}
	report.Handshakes = p.proof.handshakes.heard
	heard := p.proof.learn(prober.meter.Sent(p.id), report, now)
	return prober.weigh(p, heard, now)
}
