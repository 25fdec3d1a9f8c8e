// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// A Snapshot is what is known of a path. Its zero times and zero round trip mean not yet.
type Snapshot struct {
	ID           string
	Up           bool
	Carries      Carries
	Rtt          time.Duration
	LossPermille int
	LastReply    time.Time
}

// Snapshot gives the paths, most wanted first.
func (prober *Prober) Snapshot() []Snapshot {
	all := make([]Snapshot, 0, len(prober.paths))
	for _, p := range prober.paths {
		all = append(all, Snapshot{
			ID: p.id, Up: p.phase == up, Carries: p.proof.carries,
			Rtt: p.rtt, LossPermille: p.lossPermille(), LastReply: p.lastReply,
		})
	}
	return all
}

// Active is the id of the path in use; empty is none.
func (prober *Prober) Active() string {
	if prober.active == nil {
		return ""
	}
	return prober.active.id
}

// Session is the last in-session echo that came back.
func (prober *Prober) Session() Session { return prober.session }
