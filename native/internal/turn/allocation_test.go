// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"
)

var transports = []Transport{UDP, TCP, TLS}

// each runs a test over all transports.
func each(t *testing.T, test func(t *testing.T, server *realServer)) {
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			test(t, newServer(t, transport))
		})
	}
}

func TestAPeerTalksToTheRelayedAddressAndIsAnsweredFromIt(t *testing.T) {
	each(t, func(t *testing.T, server *realServer) {
		allocation, inbox := openTest(t, server.start())
		peer := newHost(t, "127.0.0.1:0")
		path := upTo(t, allocation, peer.address)
		if text, from := peer.next(t, time.Second); text != "hello" || from != allocation.RelayedAddress() {
			t.Errorf("the peer hears %q from %s, and the relayed address is %s", text, from, allocation.RelayedAddress())
		}
		big := strings.Repeat("b", 1_401)
		if err := path.Send([][]byte{[]byte(big), []byte(big), []byte("c"), {}}); err != nil {
			t.Error(err)
		}
		for _, want := range []string{big, big, "c"} {
			if text, _ := peer.next(t, time.Second); text != want {
				t.Errorf("the peer hears %.10q of %d bytes", text, len(text))
			}
		}
		peer.say(t, "and back", allocation.RelayedAddress())
		until(t, "the answer is heard", inbox.hears("and back"))
		if inbox.from[0] != peer.address {
			t.Errorf("it comes from %s", inbox.from[0])
		}
		status := allocation.Status()
		if status.State != Up || status.Server != server.address || path.Endpoint() != server.address {
			t.Errorf("status %+v", status)
		}
		until(t, "the round trip is measured", func() bool { return allocation.Status().Rtt > 0 })
	})
}

func TestTwoHostsThatBothAllocateReachEachOther(t *testing.T) {
	server := newServer(t, TLS)
	where := server.start()
	a, heardByA := openTest(t, where)
	b, heardByB := openTest(t, where)
	until(t, "both are up", func() bool { return a.RelayedAddress().IsValid() && b.RelayedAddress().IsValid() })
	toB, toA := upTo(t, a, b.RelayedAddress()), upTo(t, b, a.RelayedAddress())
	until(t, "b hears a", func() bool { _ = toB.SendNow([]byte("ping")); return heardByB.hears("ping")() })
	until(t, "a hears b", func() bool { _ = toA.SendNow([]byte("pong")); return heardByA.hears("pong")() })
}

func TestAnAllocationOutlivesItsLifetimes(t *testing.T) {
	each(t, func(t *testing.T, server *realServer) {
		server.config.AllocationLifetime = time.Second
		server.config.ChannelBindTimeout = time.Second
		server.config.PermissionTimeout = time.Second
		allocation, inbox := openTest(t, server.start())
		peer := newHost(t, "127.0.0.1:0")
		path := upTo(t, allocation, peer.address)
		relayed := allocation.RelayedAddress()
		time.Sleep(2500 * time.Millisecond)
		peer.say(t, "still there?", relayed)
		until(t, "the question is heard", inbox.hears("still there?"))
		peer.next(t, time.Second)
		if err := path.SendNow([]byte("yes")); err != nil {
			t.Error(err)
		}
		if text, from := peer.next(t, time.Second); text != "yes" || from != relayed {
			t.Errorf("the peer hears %q from %s", text, from)
		}
		if inbox.was(Failed, ServerSilent)() || allocation.RelayedAddress() != relayed {
			t.Errorf("the allocation did not last: %+v", inbox.statuses)
		}
	})
}

func TestAServerThatDiesAndReturnsIsUsedAgain(t *testing.T) {
	each(t, func(t *testing.T, server *realServer) {
		allocation, inbox := openTest(t, server.start())
		peer := newHost(t, "127.0.0.1:0")
		path := upTo(t, allocation, peer.address)
		server.stop()
		until(t, "the loss is noticed", func() bool { return allocation.Status().State != Up })
		if allocation.RelayedAddress().IsValid() || path.SendNow([]byte("lost")) == nil {
			t.Error("there is still an allocation")
		}
		until(t, "attempts fail", func() bool { return allocation.Status().State == Failed })
		server.start()
		until(t, "it is up again", func() bool { return allocation.Status().State == Up })
		until(t, "the same path is of use again", func() bool { return path.SendNow([]byte("back")) == nil })
		peer.say(t, "welcome", allocation.RelayedAddress())
		until(t, "data flows again", inbox.hears("welcome"))
	})
}

func TestACloseGivesTheAllocationBack(t *testing.T) {
	each(t, func(t *testing.T, server *realServer) {
		where := server.start()
		allocation := open(where, &listener{}, quick)
		until(t, "it is up", func() bool { return allocation.Status().State == Up })
		if count := server.running.AllocationCount(); count != 1 {
			t.Errorf("%d allocations", count)
		}
		allocation.Close()
		until(t, "the server is free of it", func() bool { return server.running.AllocationCount() == 0 })
	})
}

func TestASecretMakesTheCredentials(t *testing.T) {
	server := newServer(t, UDP)
	server.config.AuthHandler = pion.LongTermTURNRESTAuthHandler("the secret", nil)
	where := server.start()
	where.Credentials = Credentials{Username: "host-1", Secret: "the secret"}
	allocation, _ := openTest(t, where)
	until(t, "it is up", func() bool { return allocation.Status().State == Up })
}

func TestOnlyThoseWhoAreLetInAreHeard(t *testing.T) {
	each(t, func(t *testing.T, server *realServer) {
		allocation, inbox := openTest(t, server.start())
		friend, stranger := newHost(t, "127.0.0.2:0"), newHost(t, "127.0.0.3:0")
		until(t, "it is up", func() bool { return allocation.Status().State == Up })
		allocation.Keep(nil, []netip.Addr{friend.address.Addr()})
		until(t, "the friend is heard", func() bool {
			stranger.say(t, "stranger", allocation.RelayedAddress())
			friend.say(t, "friend", allocation.RelayedAddress())
			return inbox.hears("friend")()
		})
		if inbox.hears("stranger")() {
			t.Error("a stranger is heard")
		}
		if err := allocation.SendTo([]byte("answer"), friend.address); err != nil {
			t.Error(err)
		}
		if text, _ := friend.next(t, time.Second); text != "answer" {
			t.Errorf("the friend hears %q", text)
		}
	})
}
