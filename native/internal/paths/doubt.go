// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"slices"
	"time"
)

// A doubt is that the active path may be dead. It costs nothing but packets: while it lasts they leave
// over a second path as well. It ends when the path has answered, or has fallen.
type doubt struct {
	// since is when it began; the zero time is no doubt.
	since time.Time
}

// watching tells whether packets leave, so that it can be seen whether anything comes back.
func (prober *Prober) watching(now time.Time) bool {
	active := prober.active
	talks := prober.busy || prober.trickles || now.Before(prober.wokenUntil)
	return active != nil && active.phase == up && talks
}

// Woken tells that packets leave for a peer that was idle: it need not wait until its counters are read.
func (prober *Prober) Woken(now time.Time) {
	prober.wokenUntil = now.Add(wokenTime)
	if !prober.isAnyUp() {
		prober.hope(now)
	}
}

// lookDue is when to compare next what leaves with what comes back.
func (prober *Prober) lookDue() time.Time {
	due := prober.watch.last().at.Add(watchPace)
	if !prober.watching(due) {
		return time.Time{}
	}
	return due
}

// look is done before anything else that is due: what follows depends on it.
func (prober *Prober) look(now time.Time) {
	if !prober.watching(now) {
		// A look that came too late to be one must not stay due.
		prober.wokenUntil = time.Time{}
		return
	}
	prober.glance(now)
	if prober.isSuddenlySilent(now) || prober.isOverdue(now) || prober.hasMoved(now) {
		prober.beginDoubt(now)
	}
}

func (prober *Prober) glance(now time.Time) {
	if active := prober.active; active != nil {
		sent := prober.meter.Sent(active.id)
		prober.watch.look(sent.Transport+sent.Handshakes, prober.meter.HeardAt(active.id), now)
	}
}

// isSuddenlySilent tells that there was an answer to almost everything, and now is none. That may well be
// the end of a conversation; then the probe that is sent now is answered, and was the cost of it.
func (prober *Prober) isSuddenlySilent(now time.Time) bool {
	w := &prober.watch
	return !w.owedSince.IsZero() && w.talkative && now.Sub(w.owedSince) >= prober.active.patience()
}

// isOverdue tells that packets and a probe have left over the active path, and nothing at all came back.
func (prober *Prober) isOverdue(now time.Time) bool {
	active := prober.active
	if prober.watch.owedSince.IsZero() {
		return false
	}
	heardAt := prober.meter.HeardAt(active.id)
	for _, q := range active.questions {
		if now.Sub(q.sentAt) >= active.patience() && q.sentAt.After(active.lastReply) && q.sentAt.After(heardAt) {
			return true
		}
	}
	return false
}

// hasMoved tells that the peer was heard all the time over the active path, and now is over another one only. Who
// answers what he hears owes nothing once he hears nothing: he would have no doubts of his own until the peer's packets
// come another way, and then would have to find out what the peer has found out already. That the peer just prefers
// another path is as likely, and costs an answer.
func (prober *Prober) hasMoved(now time.Time) bool {
	active := prober.active
	heardAt := prober.meter.HeardAt(active.id)
	return prober.watch.flowing && now.Sub(heardAt) >= active.patience() &&
		slices.ContainsFunc(prober.paths, func(p *path) bool { return prober.meter.HeardAt(p.id).After(heardAt) })
}

func (prober *Prober) beginDoubt(now time.Time) {
	if prober.doubt.since.IsZero() && prober.active != nil && prober.active.phase == up {
		prober.doubt = doubt{since: now}
		// One doubt for each time that a flow ends.
		prober.watch.flowing = false
		prober.trouble(now)
	}
}

// trouble notes that there is reason to look for another path: from now on the others are asked, and
// only one that has answered since may take over.
func (prober *Prober) trouble(now time.Time) {
	if prober.troubleSince.IsZero() {
		prober.troubleSince = now
	}
}

// isTroubled tells whether there was reason to ask other paths a moment ago.
func (prober *Prober) isTroubled(at time.Time) bool {
	return !prober.troubleSince.IsZero() && at.Sub(prober.troubleSince) < troubleTime
}

// relieve ends all doubt in the active path.
func (prober *Prober) relieve() {
	prober.doubt, prober.troubleSince = doubt{}, time.Time{}
	prober.watch.proven()
}

// isFresh tells whether a path has answered since there was reason to ask it.
func (prober *Prober) isFresh(p *path) bool {
	return p.phase == up && !p.lastReply.Before(prober.troubleSince)
}
