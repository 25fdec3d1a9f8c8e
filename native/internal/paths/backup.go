// SPDX-License-Identifier: Apache-2.0

package paths

import "meshgate.dev/native/internal/protocol"

// backup is the path for packets that leave twice: one that is up and has answered since there was reason to
// ask, or else that is up. If there is neither, and the active one is in doubt, any that answers: a path that
// is held may carry again, and if it does, that is how it shows. Among equals it is the one that has least in
// common with the active path, because what has killed that has then most likely spared it.
func (prober *Prober) backup() (best *path) {
	bestRank, bestLikeness := 0, 0
	for _, p := range prober.paths {
		rank := prober.standing(p)
		if p == prober.active || rank == 0 {
			continue
		}
		alike := likeness(prober.active, p)
		if best == nil || rank > bestRank || rank == bestRank && alike < bestLikeness {
			best, bestRank, bestLikeness = p, rank, alike
		}
	}
	return best
}

// standing is how much a path is to be relied on; 0 is not at all.
func (prober *Prober) standing(p *path) int {
	switch {
	case p.stuck:
		return 0
	case prober.isFresh(p) && !p.aside.set:
		return 4
	case prober.isFresh(p):
		return 3
	case p.phase == up:
		return 2
	case !prober.troubleSince.IsZero() && p.lastReply.After(prober.troubleSince):
		return 1
	}
	return 0
}

// sharedUplink outweighs kind, address and family together.
const sharedUplink = 4

// likeness is how much of what may fail two paths share.
func likeness(a, b *path) (shared int) {
	if a == nil {
		return 0
	}
	from, to := a.spec, b.spec
	if from.Source == to.Source {
		// A host whose uplink goes loses all that leaves there, whatever else they have of their own.
		shared += sharedUplink
	}
	if from.Kind == to.Kind {
		shared++
	}
	if from.Endpoint.IsValid() && to.Endpoint.IsValid() {
		if from.Endpoint.Addr() == to.Endpoint.Addr() {
			shared++
		}
		if from.Endpoint.Addr().Is4() == to.Endpoint.Addr().Is4() {
			shared++
		}
	}
	if from.Kind == protocol.KindTurn && from.Server == to.Server {
		shared++
	}
	for _, hub := range from.Via {
		for _, other := range to.Via {
			if hub == other {
				shared++
			}
		}
	}
	return shared
}
