// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
)

func TestAHubThatCorruptsAndDropsFramesHarmsOnlyWhatItCarries(t *testing.T) {
	s := newStar(t, 1)
	s.a.awaitPath(t, s.b, "relay:1")
	s.b.awaitPath(t, s.a, "relay:1")
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	hub := s.hubs[0]
	hub.namespace.sh(t, "nft add table inet bad")
	hub.namespace.sh(t, "nft 'add chain inet bad c { type filter hook output priority 0; }'")
	// In every third frame four bytes in the middle of the payload are others, and every seventh is lost.
	hub.namespace.sh(t, "nft 'add rule inet bad c udp sport 41820 @th,64,32 0x6d677201 numgen inc mod 3 0 @th,512,32 set 0xdeadbeef'")
	hub.namespace.sh(t, "nft 'add rule inet bad c udp sport 41820 @th,64,32 0x6d677201 numgen inc mod 7 0 drop'")

	over := s.a.namespace.background(t, "ping -q -c 60 -i 0.05 -W 1 %s", s.b.address())
	beside := s.a.namespace.background(t, "ping -q -c 60 -i 0.05 -W 1 %s", hub.address())
	t.Log(over())
	contains(t, beside(), " 0% packet loss")
	if counted := s.a.agent.call("state", object{})["relayed"].(object); counted["refused"] != 0.0 {
		t.Errorf("frames were refused: %v", counted)
	}
	hub.namespace.sh(t, "nft delete table inet bad")
	until(t, "the tunnel is whole again", func() bool {
		return strings.Contains(s.a.namespace.background(t, "ping -q -c 5 -i 0.05 -W 1 %s", s.b.address())(), " 0% packet loss")
	})
}
