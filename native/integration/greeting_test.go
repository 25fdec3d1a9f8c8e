// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
	"time"
)

func TestAHandshakeWhoseAnswerIsLostIsTriedAgainLongBeforeFiveSeconds(t *testing.T) {
	if engine != "userspace" {
		t.Skip("the kernel's WireGuard keeps its own time")
	}
	needRoot(t)
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	wire(t, nsA, nsB, 2)
	a, b := newMember(t, nsA, 1), newMember(t, nsB, 2)
	for _, ns := range []namespace{nsA, nsB} {
		ns.sh(t, "nft add table inet lose")
		ns.sh(t, "nft 'add chain inet lose c { type filter hook output priority 0; }'")
		// WireGuard's second message.
		ns.sh(t, "nft 'add rule inet lose c udp sport 41820 @th,64,32 0x02000000 counter drop'")
	}
	a.agent.apply(a.desired(b, 2))
	b.agent.apply(b.desired(a, 2))
	until(t, "an answer is lost", func() bool {
		lost := nsA.sh(t, "nft list table inet lose") + nsB.sh(t, "nft list table inet lose")
		return strings.Count(lost, "packets 0 ") < 2
	})
	for _, ns := range []namespace{nsA, nsB} {
		ns.sh(t, "nft delete table inet lose")
	}
	began := time.Now()
	until(t, "the tunnel stands", func() bool { return nsA.ping(b.address()) })
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("that took %v", took)
	}
}
