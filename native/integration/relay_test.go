// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"testing"
)

// A star is two members that reach each other only over hubs, each of them on a network of its own
// with each of the hubs: member a is 192.0.x.1, b is 192.0.y.1, and hubs are .2.
type star struct {
	a, b *member
	hubs []*member
}

func newStar(t *testing.T, hubs int) star {
	t.Helper()
	return newStarOn(t, engine, engine, slices.Repeat([]string{engine}, hubs)...)
}

// newStarOn is for meshes of both engines.
func newStarOn(t *testing.T, engineA, engineB string, hubs ...string) star {
	t.Helper()
	needRoot(t)
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	s := star{a: newMemberOn(t, nsA, 1, engineA), b: newMemberOn(t, nsB, 2, engineB)}
	toA, toB := []object{}, []object{}
	for i, engine := range hubs {
		ns := newNamespace(t, string(rune('h'+i)))
		wire(t, nsA, ns, 10+i)
		wire(t, nsB, ns, 20+i)
		s.hubs = append(s.hubs, newMemberOn(t, ns, 3+i, engine))
		toA = append(toA, over(string(rune('1'+i)), s.hubs[i]))
		toB = append(toB, over(string(rune('1'+i)), s.hubs[i]))
	}
	fromA, fromB := []object{s.b.peer(toB...)}, []object{s.a.peer(toA...)}
	for i, hub := range s.hubs {
		fromA = append(fromA, hub.peer(direct(end(10+i, 2))))
		fromB = append(fromB, hub.peer(direct(end(20+i, 2))))
		hub.agent.apply(hub.document(true, s.a.peer(direct(end(10+i, 1))), s.b.peer(direct(end(20+i, 1)))))
	}
	s.a.agent.apply(s.a.document(false, fromA...))
	s.b.agent.apply(s.b.document(false, fromB...))
	return s
}

// standsOverBothHubs waits until the tunnel is up, either of two hubs can carry it, and the first does.
func (s star) standsOverBothHubs(t *testing.T) {
	t.Helper()
	for _, id := range []string{"relay:1", "relay:2"} {
		s.a.awaitPath(t, s.b, id)
		s.b.awaitPath(t, s.a, id)
	}
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	s.a.awaitUse(t, s.b, "relay:1")
	s.b.awaitUse(t, s.a, "relay:1")
}

func TestTwoThatCannotReachEachOtherSpeakOverAHub(t *testing.T) {
	s := newStar(t, 1)
	s.a.awaitPath(t, s.b, "relay:1")
	s.b.awaitPath(t, s.a, "relay:1")
	for _, address := range []string{s.b.address(), "fd12:3456:789a::2"} {
		if !s.a.namespace.ping(address) {
			t.Errorf("%s does not answer", address)
		}
	}
	echo := s.a.agent.call("echo", object{"peer": s.b.key(), "sizeBytes": 1252})
	if echo["path"] != "relay:1" || echo["endpoint"] != end(10, 2) {
		t.Errorf("echo says %v", echo)
	}
	path := s.a.pathOf(t, s.b, "relay:1")
	if path["kind"] != "relay" || path["endpoint"] != end(10, 2) || path["via"].([]any)[0] != s.hubs[0].key() {
		t.Errorf("the path is %v", path)
	}
	relayed := s.hubs[0].agent.call("state", object{})["relayed"].(object)
	if relayed["frames"].(float64) < 4 || relayed["refused"] != 0.0 {
		t.Errorf("the hub has relayed %v", relayed)
	}
}

func TestAHostThatIsNoHubForwardsNothing(t *testing.T) {
	s := newStar(t, 1)
	s.a.awaitPath(t, s.b, "relay:1")
	hub := s.hubs[0]
	hub.agent.apply(hub.document(false, s.a.peer(direct(end(10, 1))), s.b.peer(direct(end(20, 1)))))
	s.a.agent.await("path-down", func(params object) bool { return params["path"] == "relay:1" })
	if s.a.namespace.ping(s.b.address()) {
		t.Error("an answer came over a host that is no hub")
	}
	until(t, "the refused frames are counted", func() bool {
		return hub.agent.call("state", object{})["relayed"].(object)["refused"].(float64) > 0
	})
}

func TestTrafficMovesToAnotherHubWhenOneDies(t *testing.T) {
	s := newStar(t, 2)
	s.standsOverBothHubs(t)
	s.a.agent.forget()
	pings := s.a.namespace.background(t, "ping -q -i 0.05 -W 1 -w 8 %s", s.b.address())
	s.hubs[0].helper.kill()
	switched := s.a.agent.await("switched", func(params object) bool { return params["to"] == "relay:2" })
	down := s.a.agent.await("path-down", func(params object) bool { return params["path"] == "relay:1" })
	t.Logf("%v after %v ms, because %v; %v", switched["cause"], switched["gapMs"], down["reason"], pings())
	if switched["from"] != "relay:1" || switched["cause"] != "path-down" || switched["gapMs"].(float64) > 4_000 {
		t.Errorf("switched %v", switched)
	}
	if !s.a.namespace.ping(s.b.address()) {
		t.Error("no answer over the other hub")
	}
}

func TestAPathOverTwoHubsCarriesPackets(t *testing.T) {
	needRoot(t)
	// a - h - i - b, a chain.
	nsA, nsH, nsI, nsB := newNamespace(t, "a"), newNamespace(t, "h"), newNamespace(t, "i"), newNamespace(t, "b")
	wire(t, nsA, nsH, 10)
	wire(t, nsH, nsI, 11)
	wire(t, nsI, nsB, 12)
	a, b, h, i := newMember(t, nsA, 1), newMember(t, nsB, 2), newMember(t, nsH, 3), newMember(t, nsI, 4)
	h.agent.apply(h.document(true, a.peer(direct(end(10, 1))), i.peer(direct(end(11, 2)))))
	i.agent.apply(i.document(true, b.peer(direct(end(12, 2))), h.peer(direct(end(11, 1)))))
	a.agent.apply(a.document(false, b.peer(over("chain", h, i)), h.peer(direct(end(10, 2)))))
	b.agent.apply(b.document(false, a.peer(over("chain", i, h)), i.peer(direct(end(12, 1)))))
	a.awaitPath(t, b, "relay:chain")
	b.awaitPath(t, a, "relay:chain")
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	if !a.namespace.ping(b.address()) || !b.namespace.ping(a.address()) {
		t.Error("no answer over two hubs")
	}
}
