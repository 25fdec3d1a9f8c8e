// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"
)

// newBypass is a star with one hub and a network straight between its members, which is preferred.
func newBypass(t *testing.T) star {
	t.Helper()
	s := newStar(t, 1)
	s.a.awaitPath(t, s.b, "relay:1")
	wire(t, s.a.namespace, s.b.namespace, 30)
	return s
}

func (s star) preferDirect() {
	hub := s.hubs[0]
	s.b.agent.apply(s.b.document(false, s.a.peer(direct(end(30, 1)), over("1", hub)), hub.peer(direct(end(20, 2)))))
	s.a.agent.apply(s.a.document(false, s.b.peer(direct(end(30, 2)), over("1", hub)), hub.peer(direct(end(10, 2)))))
}

// dropWireGuard makes the straight network one that knows WireGuard by its first bytes, and probes not.
func (s star) dropWireGuard(t *testing.T) {
	t.Helper()
	s.b.namespace.sh(t, "nft add table inet t")
	s.b.namespace.sh(t, "nft 'add chain inet t c { type filter hook prerouting priority -400; }'")
	s.b.namespace.sh(t, "nft add rule inet t c iifname w30 udp dport 41820 @th,64,32 { 0x01000000, 0x02000000, 0x03000000, 0x04000000 } drop")
}

func (s star) allowWireGuard(t *testing.T) { s.b.namespace.sh(t, "nft delete table inet t") }

func (s star) activePath(t *testing.T) any {
	t.Helper()
	for _, peer := range s.a.agent.call("state", object{})["peers"].([]any) {
		if peer := peer.(object); peer["publicKey"] == s.b.key() {
			return peer["activePath"]
		}
	}
	return nil
}

func TestAMoreWantedPathIsUsedOnceItHasCarried(t *testing.T) {
	s := newBypass(t)
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	s.preferDirect()
	s.a.agent.await("switched", func(params object) bool { return params["to"] == "direct:"+end(30, 2) })
	if path := s.a.pathOf(t, s.b, "direct:"+end(30, 2)); path["carries"] != true || path["up"] != true {
		t.Errorf("the path is %v", path)
	}
}

func TestTrafficStaysOnTheRelayWhileTheDirectPathOnlyAnswersProbes(t *testing.T) {
	s := newBypass(t)
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	s.dropWireGuard(t)
	s.preferDirect()
	pings := s.a.namespace.background(t, "ping -q -i 0.05 -W 1 -c 80 %s", s.b.address())
	down := s.a.agent.await("path-down", func(params object) bool { return params["path"] == "direct:"+end(30, 2) })
	if down["reason"] != "carries nothing" {
		t.Errorf("down: %v", down)
	}
	if path := s.a.pathOf(t, s.b, "direct:"+end(30, 2)); path["carries"] != false || path["up"] != false || path["lastReplyMs"] == nil {
		t.Errorf("the path is %v", path)
	}
	if said := pings(); s.activePath(t) != "relay:1" {
		t.Errorf("traffic is on %v", s.activePath(t))
	} else {
		contains(t, said, " 0% packet loss")
	}
	s.allowWireGuard(t)
	s.a.agent.await("switched", func(params object) bool { return params["to"] == "direct:"+end(30, 2) })
}

func TestTrafficLeavesAPathThatStopsCarryingWhileItsProbesAreAnswered(t *testing.T) {
	s := newBypass(t)
	s.preferDirect()
	s.a.agent.await("switched", func(params object) bool { return params["to"] == "direct:"+end(30, 2) })
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	s.a.agent.forget()
	pings := s.a.namespace.background(t, "ping -q -i 0.05 -W 1 -w 5 %s", s.b.address())
	time.Sleep(time.Second)
	s.dropWireGuard(t)
	switched := s.a.agent.await("switched", func(params object) bool { return params["to"] == "relay:1" })
	t.Logf("gap %v ms: %s", switched["gapMs"], pings())
	if switched["gapMs"].(float64) > 3_000 {
		t.Errorf("switched %v", switched)
	}
}

func TestAFirstPathThatCarriesNothingIsLeftForOneThatDoes(t *testing.T) {
	s := newBypass(t)
	s.dropWireGuard(t)
	hub := s.hubs[0]
	// Without the peer there is no session left, so that the direct path is the first one to be up.
	s.a.agent.apply(s.a.document(false, hub.peer(direct(end(10, 2)))))
	s.preferDirect()
	until(t, "the tunnel is up over the hub", func() bool {
		return s.a.namespace.ping(s.b.address()) && s.activePath(t) == "relay:1"
	})
}
