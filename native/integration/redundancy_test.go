// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
)

func TestWhoAsksForTwoPathsLosesNothingWhenOneIsCut(t *testing.T) {
	a, b := newPair(t, 2, 3)
	for _, m := range []struct{ of, other *member }{{a, b}, {b, a}} {
		document := m.of.desired(m.other, 2, 3)
		document["peers"].([]object)[0]["duplicate"] = true
		m.of.agent.apply(document)
		m.of.awaitPath(t, m.other, "w2")
		m.of.awaitPath(t, m.other, "w3")
	}
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	a.awaitUse(t, b, "w2")
	until(t, "packets leave over both", func() bool {
		before := a.namespace.sent(t, "w3")
		a.namespace.sh(t, "ping -q -c 20 -i 0.01 -s 1000 %s || true", b.address())
		return a.namespace.sent(t, "w3")-before > 20*1000
	})
	pings := a.namespace.background(t, "ping -q -i 0.05 -W 2 -c 100 %s", b.address())
	a.agent.forget()
	for _, m := range []*member{a, b} {
		m.namespace.loses(t, "w2")
	}
	a.agent.await("switched", func(params object) bool { return params["to"] == "w3" })
	contains(t, pings(), " 0% packet loss")
}

func TestAHubThatIsLeftOnWishLosesNothing(t *testing.T) {
	s := newStar(t, 2)
	s.standsOverBothHubs(t)
	pings := s.a.namespace.background(t, "ping -q -i 0.05 -W 2 -c 100 %s", s.b.address())
	s.a.agent.forget()
	s.b.agent.forget()
	first, second := s.hubs[0], s.hubs[1]
	// Who drains a hub has its members want another one more, and it no more once that is used.
	for _, onlySecond := range []bool{false, true} {
		ways := []object{over("2", second)}
		if !onlySecond {
			ways = append(ways, over("1", first))
		}
		s.a.agent.apply(s.a.document(false, s.b.peer(ways...), first.peer(direct(end(10, 2))), second.peer(direct(end(11, 2)))))
		s.b.agent.apply(s.b.document(false, s.a.peer(ways...), first.peer(direct(end(20, 2))), second.peer(direct(end(21, 2)))))
		if !onlySecond {
			s.a.agent.await("switched", func(params object) bool { return params["to"] == "relay:2" })
			s.b.agent.await("switched", func(params object) bool { return params["to"] == "relay:2" })
		}
	}
	first.helper.kill()
	contains(t, pings(), " 0% packet loss")
}

func TestAPeersRouteCarriesWhatItsPathsDo(t *testing.T) {
	a, b := newPair(t, 2)
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	const headers = 20 + 8
	for _, mtu := range []int{1400, 1300} {
		for _, m := range []struct{ of, other *member }{{a, b}, {b, a}} {
			document := m.of.desired(m.other, 2)
			document["device"].(object)["mtu"] = 1420
			document["routes"] = []object{{"destination": m.other.address() + "/32", "mtu": mtu}}
			m.of.agent.apply(document)
		}
		a.namespace.sh(t, "ping -q -c 1 -W 2 -M do -s %d %s", mtu-headers, b.address())
		said := a.namespace.sh(t, "ping -c 1 -W 1 -M do -s %d %s 2>&1 || true", mtu-headers+1, b.address())
		if !strings.Contains(said, "message too long") {
			t.Errorf("one byte more than %d: %s", mtu, said)
		}
	}
}
