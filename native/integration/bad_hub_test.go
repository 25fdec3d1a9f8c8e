// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/relay"
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

// meddle passes on what a host and its hub say to each other, whose addresses for one another are those of the
// namespace between them. What the hub forwards for others comes twice, and every third frame late.
func meddle(t *testing.T, between namespace, host, hub, network int) {
	t.Helper()
	toHost := between.dial(t, end(network, 2), end(network, host))
	toHub := between.dial(t, end(network+30, 1), end(network+30, hub))
	pass := func(from *net.UDPConn, on func([]byte)) {
		buffer := make([]byte, 2_000)
		for {
			// A host that does not listen yet refuses what was sent to it; the end is that of the socket.
			size, err := from.Read(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				on(bytes.Clone(buffer[:size]))
			}
		}
	}
	go pass(toHost, func(frame []byte) { _, _ = toHub.Write(frame) })
	forwarded := 0
	go pass(toHub, func(frame []byte) {
		if !bytes.HasPrefix(frame, relay.Magic[:]) {
			_, _ = toHost.Write(frame)
			return
		}
		again := func() { _, _ = toHost.Write(frame); _, _ = toHost.Write(frame) }
		if forwarded++; forwarded%3 == 0 {
			time.AfterFunc(200*time.Millisecond, again)
		} else {
			again()
		}
	})
}

func TestAHubThatDelaysAndDoublesFramesLosesNothingAndBringsNothingTwice(t *testing.T) {
	needRoot(t)
	nsA, nsB, nsHub, between := newNamespace(t, "a"), newNamespace(t, "b"), newNamespace(t, "h"), newNamespace(t, "m")
	wire(t, nsA, between, 10)
	wire(t, between, nsHub, 40)
	wire(t, nsB, nsHub, 20)
	meddle(t, between, 1, 2, 10)
	a, b, hub := newMember(t, nsA, 1), newMember(t, nsB, 2), newMember(t, nsHub, 3)
	hub.agent.apply(hub.document(true, a.peer(direct(end(40, 1))), b.peer(direct(end(20, 1)))))
	a.agent.apply(a.document(false, b.peer(over("1", hub)), hub.peer(direct(end(10, 2)))))
	b.agent.apply(b.document(false, a.peer(over("1", hub)), hub.peer(direct(end(20, 2)))))
	a.awaitPath(t, b, "relay:1")
	b.awaitPath(t, a, "relay:1")
	for _, peer := range []*member{b, hub} {
		until(t, "the tunnel is up", func() bool { return nsA.ping(peer.address()) })
	}
	through := nsA.background(t, "ping -q -c 40 -i 0.05 -W 5 %s", b.address())
	beside := nsA.background(t, "ping -q -c 40 -i 0.05 -W 5 %s", hub.address())
	// Ping counts what comes twice between these words.
	contains(t, through(), " 40 received, 0% packet loss")
	contains(t, beside(), " 40 received, 0% packet loss")
	if path := a.pathOf(t, b, "relay:1"); path["up"] != true {
		t.Errorf("the path is %v", path)
	}
}
