// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package integration

import "testing"

// Elsewhere the lab's own emulator of links delays; the guest's kernel has netem.
func TestAPathThatHasBecomeSlowIsLeftForOneThatIsNot(t *testing.T) {
	a, b := newPair(t, 2, 3)
	for _, id := range []string{"w2", "w3"} {
		a.awaitPath(t, b, id)
		b.awaitPath(t, a, id)
	}
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	a.awaitUse(t, b, "w2")
	a.agent.forget()
	pings := a.namespace.background(t, "ping -q -i 0.05 -W 2 -w 15 %s", b.address())
	a.namespace.sh(t, "tc qdisc add dev w2 root netem delay 400ms")
	switched := a.agent.await("switched", func(params object) bool { return params["to"] == "w3" })
	if switched["cause"] != "detour-delay" {
		t.Errorf("switched %v", switched)
	}
	contains(t, pings(), " 0% packet loss")
}
