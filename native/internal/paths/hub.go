// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// A Route is where what is for others leaves to a peer, and from which address of ours if the kernel is not to choose.
// The zero route is none.
type Route struct {
	Endpoint netip.AddrPort
	Source   netip.Addr
}

// IsValid tells that there is one.
func (r Route) IsValid() bool { return r.Endpoint.IsValid() }

// Direct is how the peer itself can be reached for others: its active path if that is direct, or else
// the most wanted direct one that answers. If it may have moved, one that has answered since is better than
// either.
func (prober *Prober) Direct() (route Route) {
	var fresh Route
	questioned := false
	for _, p := range prober.paths {
		// What is for others leaves from the one port, for which the peer's filter is shut if this path needs another.
		fromPort := p.spec.Kind == protocol.KindDirect && p.spec.Socket == 0
		if !fromPort || !p.answers() {
			continue
		}
		if !prober.movedAt.IsZero() && !prober.isQuestioned(p) && !fresh.IsValid() {
			fresh = Route{p.spec.Endpoint, p.spec.Source}
		}
		if !route.IsValid() || p == prober.active {
			route = Route{p.spec.Endpoint, p.spec.Source}
			questioned = prober.isQuestioned(p)
		}
	}
	if questioned && fresh.IsValid() {
		return fresh
	}
	return route
}

// answers tells that frames get through: a path that was held for carrying nothing of WireGuard may well
// carry them, as it does probes.
func (p *path) answers() bool {
	return p.phase == up || p.proof.carries == CarriesNothing && p.misses < missesMax
}

// Turned is the most wanted path to the peer over a TURN server of ours that answers; empty if none does.
func (prober *Prober) Turned() string {
	for _, p := range prober.paths {
		if p.spec.Kind == protocol.KindTurn && !p.stuck && p.answers() {
			return p.id
		}
	}
	return ""
}

const reasonHub = "the hub cannot be reached"

// Hub tells whether a hub can be reached by a path of its own. Paths over it go down with that path at once:
// nobody has to wait for probes that cannot leave.
func (prober *Prober) Hub(hub protocol.Key, reachable bool, now time.Time) []Action {
	over := func(path protocol.Path) bool { return path.Kind == protocol.KindRelay && path.Via[0] == hub }
	return prober.hold(over, reachable, reasonHub, now)
}

// hold stops and releases the paths over something that somebody else watches.
func (prober *Prober) hold(
	over func(protocol.Path) bool, usable bool, reason string, now time.Time,
) (actions []Action) {
	for _, p := range prober.paths {
		if !over(p.spec) || p.stuck != usable {
			continue
		}
		if usable {
			p.release(now)
			continue
		}
		if p.phase == up {
			actions = append(actions, Fell{p.id, reason})
		}
		p.stuck, p.phase, p.questions = true, down, nil
	}
	cause := CauseDown
	if usable {
		cause = CauseUp
	}
	return prober.settle(append(actions, prober.choose(cause, now)...))
}
