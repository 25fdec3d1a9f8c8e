// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// Direct is where the peer itself can be reached for others: its active path if that is direct, or else
// the most wanted direct one that is up. The zero address is nowhere.
func (prober *Prober) Direct() (endpoint netip.AddrPort) {
	for _, p := range prober.paths {
		if p.spec.Kind != protocol.KindDirect || p.phase != up {
			continue
		}
		if !endpoint.IsValid() || p == prober.active {
			endpoint = p.spec.Endpoint
		}
	}
	return endpoint
}

const reasonHub = "the hub has no direct path"

// Hub tells whether a hub has a direct path of its own. Paths over it go down with that path at once:
// nobody has to wait for probes that cannot leave.
func (prober *Prober) Hub(hub protocol.Key, reachable bool, now time.Time) (actions []Action) {
	for _, p := range prober.paths {
		if p.spec.Kind != protocol.KindRelay || p.spec.Via[0] != hub || p.stuck != reachable {
			continue
		}
		if reachable {
			p.release(now)
			continue
		}
		if p.phase == up {
			actions = append(actions, Fell{p.id, reasonHub})
		}
		p.stuck, p.phase, p.questions = true, down, nil
	}
	cause := CauseDown
	if reachable {
		cause = CauseUp
	}
	return append(actions, prober.choose(cause, now)...)
}
