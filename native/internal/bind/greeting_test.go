// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"
	"testing"

	"meshgate.dev/native/internal/relay"
)

var initiation, response = []byte{1, 0, 0, 0}, []byte{2, 0, 0, 0}

// spoken is a bind whose peer has said something from its address.
func spoken(datagrams ...[]byte) (*Bind, *PeerEndpoint) {
	b, peer := wrap(&batch{port: 7, datagrams: datagrams}, &inbox{}), &PeerEndpoint{}
	peersAddress := netip.MustParseAddrPort("192.0.2.9:9")
	b.Hosts.Put(relay.Host{Tag: tagOfPeer, Endpoint: peer})
	b.Hosts.Expect(tagOfPeer, []relay.Way{{Address: peersAddress}})
	peer.Use(b.Direct(peersAddress))
	return b, peer
}

// greeted tells whether an initiation of the peer's passes after these packets have left for it.
func greeted(t *testing.T, prevails bool, left ...[]byte) (passes bool) {
	t.Helper()
	b, peer := spoken(initiation)
	peer.Prevail(prevails)
	for _, packet := range left {
		if err := b.Send([][]byte{packet}, peer); err != nil {
			t.Fatal(err)
		}
	}
	packets, _ := receiveAll(t, b, 1)
	return len(packets[0]) > 0
}

func TestOfTwoInitiationsThatCrossTheOneOfWhoPrevailsIsAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		prevails bool
		left     [][]byte
		passes   bool
	}{
		"ours crosses it, and prevails":       {true, [][]byte{initiation}, false},
		"ours crosses it, and gives way":      {false, [][]byte{initiation}, true},
		"nothing of ours is under way":        {true, nil, true},
		"ours has led to a session already":   {true, [][]byte{initiation, transport}, true},
		"we have answered theirs meanwhile":   {true, [][]byte{initiation, response}, true},
		"we speak in a session of long ago":   {true, [][]byte{transport}, true},
		"ours was begun anew after a session": {true, [][]byte{initiation, transport, initiation}, false},
	} {
		if passes := greeted(t, test.prevails, test.left...); passes != test.passes {
			t.Errorf("%s: passes is %v", name, passes)
		}
	}
}

func TestAnInitiationThatComesTwiceIsHeardOnce(t *testing.T) {
	another := append([]byte{1, 0, 0, 0}, make([]byte, 144)...)
	altered := append([]byte(nil), another...)
	altered[147] = 1
	datagrams := [][]byte{another, another, transport, another, altered, another}
	b, _ := spoken(datagrams...)
	packets, _ := receiveAll(t, b, len(datagrams))
	for i, passes := range []bool{true, false, true, false, true, true} {
		if got := len(packets[i]) > 0; got != passes {
			t.Errorf("packet %d: passes is %v", i, got)
		}
	}
}

func TestASessionIsSettledOnceSomethingIsSaidInItAndNotBefore(t *testing.T) {
	b, peer := newRelayed(&batch{}, &inbox{})
	peer.Use(b.Direct(hubAddress))
	for i, step := range []struct {
		packet  []byte
		settled bool
	}{{transport, false}, {initiation, false}, {transport, true}} {
		_ = b.Send([][]byte{step.packet}, peer)
		if peer.Settled() != step.settled {
			t.Errorf("after step %d: settled is %v", i, peer.Settled())
		}
	}
	peer.Prevail(true)
	if peer.Settled() {
		t.Error("a session outlives a change of keys")
	}
}
