// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
)

// The two directions differ: peers are changed in the document's order.
func TestAPrefixMovesToAnotherPeerAndBack(t *testing.T) {
	needRoot(t)
	a := newMember(t, newNamespace(t, "moves"), 1)
	b, c := &member{number: 2}, &member{number: 3}
	b.private[1], b.probe[1] = 2, 2
	c.private[1], c.probe[1] = 3, 3
	shown := func() string { return a.namespace.sh(t, "wg show %s allowed-ips", a.device) }
	const prefix = "192.168.77.0/24"
	for round, holder := range []*member{b, c, b, c} {
		peers := []object{}
		for _, other := range []*member{b, c} {
			peer := other.peer()
			if other == holder {
				peer["allowedIps"] = append(peer["allowedIps"].([]string), prefix)
			}
			peers = append(peers, peer)
		}
		a.agent.apply(a.document(false, peers...))
		for line := range strings.Lines(shown()) {
			if isHolder := strings.HasPrefix(line, holder.key()); isHolder != strings.Contains(line, prefix) {
				t.Errorf("round %d, member %d should have it:\n%s", round, holder.number, shown())
			}
		}
	}
}
