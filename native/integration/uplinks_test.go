// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"
)

// newTwoHomed makes a member with two uplinks and one that is reached over both at one address.
func newTwoHomed(t *testing.T) (a, b *member) {
	t.Helper()
	needRoot(t)
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	sh(t, "ip -n %s addr add 198.51.100.2/32 dev lo && ip -n %s link set dev lo up", nsB, nsB)
	for _, network := range []int{2, 3} {
		wire(t, nsA, nsB, network)
		sh(t, "ip -n %s route add default via 192.0.%d.2 dev w%d metric %d", nsA, network, network, network)
		// So that what leaves by itself leaves from the one address, too.
		sh(t, "ip -n %s route add 192.0.%d.1/32 dev w%d src 198.51.100.2", nsB, network, network)
	}
	a, b = newMember(t, nsA, 1), newMember(t, nsB, 2)
	b.agent.apply(b.document(false, a.overBoth()))
	a.agent.apply(a.document(false, b.fromBoth()))
	return a, b
}

// overBoth is the member with two uplinks as the other one has it, and fromBoth the other one as that has it.
func (m *member) overBoth() object {
	return m.peer(direct("192.0.2.1:41820"), direct("192.0.3.1:41820"))
}

func (m *member) fromBoth() object {
	spare := object{"id": "spare", "kind": "direct", "endpoint": "198.51.100.2:41820", "source": "192.0.3.1"}
	return m.peer(direct("198.51.100.2:41820"), spare)
}

func TestASpareUplinksAddressIsNamed(t *testing.T) {
	a, _ := newTwoHomed(t)
	for _, link := range a.agent.call("state", object{})["links"].([]any) {
		link := link.(object)
		spares, _ := link["spares"].([]any)
		if isSpare := link["name"] == "w3"; isSpare != (len(spares) == 1 && spares[0] == "192.0.3.1") {
			t.Errorf("the spares of %s are %v", link["name"], spares)
		}
	}
}

func TestTrafficGoesOnOverTheSpareUplinkWhenTheCableOfTheFirstIsPulled(t *testing.T) {
	a, b := newTwoHomed(t)
	first := "direct:198.51.100.2:41820"
	a.awaitPath(t, b, first)
	a.awaitPath(t, b, "spare")
	b.awaitPath(t, a, "direct:192.0.3.1:41820")
	until(t, "the tunnel stands", func() bool { return a.namespace.ping(b.address()) })
	pinging := a.namespace.background(t, "ping -i 0.02 -c 250 -W 1 %s", b.address())
	time.Sleep(time.Second)
	a.agent.forget()
	// The carrier goes, and the kernel's first default route stays.
	sh(t, "ip -n %s link set dev w2 down", b.namespace)
	switched := a.agent.await("switched", func(event map[string]any) bool { return event["to"] == "spare" })
	t.Logf("nothing went through for %v ms", switched["gapMs"])
	if gap := switched["gapMs"].(float64); gap > 1_000 {
		t.Error("that is too long")
	}
	pinging()
	if !a.namespace.ping(b.address()) {
		t.Error("no answer over the spare uplink")
	}
	// What comes in there is counted for it, so that it is not doubted.
	if spare := a.pathOf(t, b, "spare"); spare["carries"] != true || spare["source"] != "192.0.3.1" {
		t.Errorf("the spare path is %v", spare)
	}
}

func TestAPeerMayWriteToTheSpareUplinkWhileWeWriteFromTheFirst(t *testing.T) {
	a, b := newTwoHomed(t)
	a.awaitPath(t, b, "direct:198.51.100.2:41820")
	b.agent.apply(b.document(false, a.peer(direct("192.0.3.1:41820"))))
	b.awaitPath(t, a, "direct:192.0.3.1:41820")
	until(t, "the tunnel stands", func() bool { return a.namespace.ping(b.address()) })
	for range 3 {
		first, spare := a.namespace.sent(t, "w2"), b.namespace.sent(t, "w3")
		a.namespace.sh(t, "ping -i 0.02 -c 100 -s 1000 -W 1 %s", b.address())
		first, spare = a.namespace.sent(t, "w2")-first, b.namespace.sent(t, "w3")-spare
		if first < 100_000 || spare < 100_000 {
			t.Errorf("%d bytes left by the first uplink, and %d came to the spare one", first, spare)
		}
	}
}

func TestWhatGoesOverAHubLeavesByTheSpareUplinkWhenTheCableOfTheFirstIsPulled(t *testing.T) {
	a, hub := newTwoHomed(t)
	nsC := newNamespace(t, "c")
	wire(t, hub.namespace, nsC, 4)
	c := newMember(t, nsC, 3)
	hub.agent.apply(hub.document(true, a.overBoth(), c.peer(direct(end(4, 2)))))
	c.agent.apply(c.document(false, hub.peer(direct(end(4, 1))), a.peer(over("over", hub))))
	a.agent.apply(a.document(false, hub.fromBoth(), c.peer(over("over", hub))))
	a.awaitPath(t, hub, "spare")
	a.awaitPath(t, c, "relay:over")
	until(t, "the tunnel over the hub stands", func() bool { return a.namespace.ping(c.address()) })
	sh(t, "ip -n %s link set dev w2 down", hub.namespace)
	until(t, "an answer over the hub and the spare uplink", func() bool { return a.namespace.ping(c.address()) })
	if path := a.pathOf(t, hub, "direct:198.51.100.2:41820"); path["up"] == true {
		t.Errorf("the pulled path is %v", path)
	}
}
