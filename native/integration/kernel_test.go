// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package integration

import (
	"strings"
	"testing"
)

// newKernelPair is a pair whose tunnel is up, straight from kernel to kernel.
func newKernelPair(t *testing.T) (a, b *member) {
	t.Helper()
	a, b = newPair(t, 2)
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	until(t, "the kernel sends straight", func() bool { return strings.Contains(a.shown(t, "endpoints"), "192.0.2.2:41820") })
	return a, b
}

func (m *member) shown(t *testing.T, what string) string {
	t.Helper()
	return m.namespace.sh(t, "wg show %s %s", m.device, what)
}

// table is that of the shared port.
func (m *member) table() string { return "inet meshgate-" + m.device + "/port" }

func TestTunnelsStandWithoutHelpersAndAreTakenOverByTheNext(t *testing.T) {
	a, b := newKernelPair(t)
	handshakes := a.shown(t, "latest-handshakes")
	a.helper.kill()
	b.helper.kill()
	for range 3 {
		if !a.namespace.ping(b.address()) {
			t.Fatal("a packet is lost without the helpers")
		}
	}
	pings := a.namespace.background(t, "ping -q -i 0.2 -W 1 -c 50 %s", b.address())
	for _, m := range []*member{a, b} {
		m.helper = start(t, m.namespace, m.helper.socket)
		m.agent = m.helper.connect(t)
	}
	a.agent.apply(a.desired(b, 2))
	b.agent.apply(b.desired(a, 2))
	// It may have been up before its agent came.
	until(t, "both have proof of the path", func() bool {
		return a.pathOf(t, b, "w2")["up"] == true && b.pathOf(t, a, "w2")["up"] == true
	})
	contains(t, pings(), " 0% packet loss")
	if after := a.shown(t, "latest-handshakes"); after != handshakes {
		t.Errorf("the session is another one: %s after %s", after, handshakes)
	}
	contains(t, a.shown(t, "endpoints"), "192.0.2.2:41820")
}

func TestRulesThatSomebodyFlushesComeBack(t *testing.T) {
	a, b := newKernelPair(t)
	before := a.namespace.sh(t, "nft list table %s", a.table())
	a.namespace.sh(t, "nft flush ruleset")
	until(t, "the rules are back", func() bool {
		return strings.Contains(a.namespace.sh(t, "nft list ruleset"), a.table())
	})
	if after := a.namespace.sh(t, "nft -s list table %s", a.table()); strings.Count(after, "\n") != strings.Count(before, "\n") {
		t.Errorf("the rules were\n%s\nand are\n%s", before, after)
	}
	if !a.namespace.ping(b.address()) {
		t.Error("no answer")
	}
}

func TestAFirewallAndTheSharedPortLeaveEachOtherAlone(t *testing.T) {
	a, b := newKernelPair(t)
	before := a.namespace.sh(t, "nft -s list table %s", a.table())
	desired := a.desired(b, 2)
	desired["firewall"] = object{"allow": []object{{"from": []string{b.address()}, "protocol": "icmp", "ports": [][]int{}}}}
	for _, document := range []object{desired, a.desired(b, 2), desired} {
		a.agent.apply(document)
		if after := a.namespace.sh(t, "nft -s list table %s", a.table()); after != before {
			t.Errorf("the rules of the port were\n%s\nand are\n%s", before, after)
		}
	}
	contains(t, a.namespace.sh(t, "nft list table inet meshgate-%s", a.device), "icmp accept")
	if !b.namespace.ping(a.address()) {
		t.Error("no answer")
	}
}

func TestSomebodyElsesWireGuardIsNeverTouched(t *testing.T) {
	n := newNamespace(t, "a")
	a, b := newMember(t, n, 1), &member{number: 2}
	b.private[1], b.probe[1] = 1, 1
	sh(t, "ip -n %s link add %s type wireguard", n, a.device)
	n.sh(t, "wg set %s listen-port 41821", a.device)
	a.agent.expectReason(a.desired(b), "name-taken")
	contains(t, a.shown(t, "listen-port"), "41821")
}

func TestWhatAnotherToolChangesOfThePeersIsUndone(t *testing.T) {
	a, b := newKernelPair(t)
	a.namespace.sh(t, "wg set %s peer %s endpoint 192.0.2.99:9 allowed-ips 10.99.0.0/16", a.device, b.key())
	until(t, "it is undone", func() bool {
		return strings.Contains(a.shown(t, "endpoints"), "192.0.2.2:41820") && !strings.Contains(a.shown(t, "allowed-ips"), "10.99.")
	})
	a.namespace.sh(t, "wg set %s peer %s remove", a.device, b.key())
	until(t, "the peer is back", func() bool { return a.namespace.ping(b.address()) })
}

func TestAMeshOfBothEnginesCarriesPackets(t *testing.T) {
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	wire(t, nsA, nsB, 2)
	a, b := newMemberOn(t, nsA, 1, "kernel"), newMemberOn(t, nsB, 2, "userspace")
	a.agent.apply(a.desired(b, 2))
	b.agent.apply(b.desired(a, 2))
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	contains(t, b.namespace.sh(t, "ping -q -c 20 -i 0.1 -s 1200 %s", a.address()), " 0% packet loss")
}

// outlivesItsFirstHub kills the first of two hubs under a tunnel, which the second one carries then.
func (s star) outlivesItsFirstHub(t *testing.T) {
	t.Helper()
	s.standsOverBothHubs(t)
	s.hubs[0].helper.kill()
	s.a.agent.await("switched", func(params object) bool { return params["to"] == "relay:2" })
	until(t, "the other hub carries", func() bool { return s.a.namespace.ping(s.b.address()) })
}

func TestHubsOfOneEngineServeMembersOfTheOther(t *testing.T) {
	s := newStarOn(t, "kernel", "userspace", "kernel", "userspace")
	s.outlivesItsFirstHub(t)
}

func TestARelayedTunnelIsTakenOverByTheNextHelper(t *testing.T) {
	s := newStar(t, 1)
	s.a.awaitPath(t, s.b, "relay:1")
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	handshakes := s.a.shown(t, "latest-handshakes")
	pings := s.a.namespace.background(t, "ping -q -i 0.05 -W 1 -w 10 %s", s.b.address())
	s.a.helper.kill()
	s.a.helper = start(t, s.a.namespace, s.a.helper.socket)
	t.Log(pings())
	if !s.a.namespace.ping(s.b.address()) {
		t.Error("no answer")
	}
	if after := s.a.shown(t, "latest-handshakes"); after != handshakes {
		t.Errorf("the sessions are others: %s after %s", after, handshakes)
	}
}

func TestTheHelpersSocketsTakeTheDevicesFirewallMark(t *testing.T) {
	a, b := newKernelPair(t)
	a.dropUnmarked(t, "udp dport 41820")
	until(t, "nothing unmarked leaves", func() bool { return !a.namespace.ping(b.address()) })
	a.namespace.sh(t, "wg set %s fwmark 51", a.device)
	until(t, "the path is up with what is marked", func() bool {
		path := a.pathOf(t, b, "w2")
		return path["up"] == true && path["lastReplyMs"].(float64) < 2_000 && a.namespace.ping(b.address())
	})
}

// dropUnmarked has a host's own filter take what leaves without the mark 51 for what goes past the tunnel.
func (m *member) dropUnmarked(t *testing.T, to string) {
	t.Helper()
	m.namespace.sh(t, "nft 'add table inet t; add chain inet t c { type filter hook output priority 0; }'")
	m.namespace.sh(t, "nft add rule inet t c %s meta mark != 51 counter drop", to)
}

func TestAPunchedSocketAndATURNServersTakeTheDevicesFirewallMark(t *testing.T) {
	t.Run("punched", func(t *testing.T) {
		hard, easy := behindNATs(t)
		hard.punchedWith(t, easy)
		hard.dropUnmarked(t, "ip daddr 192.0.3.2")
		until(t, "nothing unmarked leaves", func() bool { return !hard.namespace.ping(easy.address()) })
		hard.namespace.sh(t, "wg set %s fwmark 51", hard.device)
		until(t, "the socket's packets leave", func() bool { return hard.namespace.ping(easy.address()) })
	})
	t.Run("TURN", func(t *testing.T) {
		s := newTurnSite(t)
		s.meet(t, s.tls())
		until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
		s.a.dropUnmarked(t, "tcp dport 443")
		until(t, "nothing unmarked leaves", func() bool { return !s.a.namespace.ping(s.b.address()) })
		s.a.namespace.sh(t, "wg set %s fwmark 51", s.a.device)
		until(t, "the server is spoken with", func() bool { return s.a.namespace.ping(s.b.address()) })
	})
}

func TestTheOtherEngineGoesOnAfterACrash(t *testing.T) {
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	wire(t, nsA, nsB, 2)
	a, b := newMemberOn(t, nsA, 1, "kernel"), newMemberOn(t, nsB, 2, "kernel")
	a.agent.apply(a.desired(b, 2))
	b.agent.apply(b.desired(a, 2))
	for _, next := range []string{"userspace", "kernel"} {
		until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
		a.helper.kill()
		a.helper = startOn(t, nsA, a.helper.socket, next)
		a.agent = a.helper.connect(t)
		a.agent.apply(a.desired(b, 2))
		if next == "userspace" && strings.Contains(nsA.sh(t, "nft list tables"), a.table()) {
			t.Error("the rules of the kernel's engine are still there")
		}
	}
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	contains(t, sh(t, "ip -n %s -d link show %s", nsA, a.device), "wireguard")
}
