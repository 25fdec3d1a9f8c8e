// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

var noon = time.Unix(1_700_000_000, 0)

func TestTheLongestPrefixTellsWhoseAnAddressIs(t *testing.T) {
	wide, narrow := newPeer(nil, noon), newPeer(nil, noon)
	wide.spec.AllowedIPs = []netip.Prefix{netip.MustParsePrefix("10.7.0.0/16"), netip.MustParsePrefix("fd12::/16")}
	narrow.spec.AllowedIPs = []netip.Prefix{netip.MustParsePrefix("10.7.0.2/32")}
	table := ownersOf(map[protocol.Key]*peer{{1}: wide, {2}: narrow})
	for address, want := range map[string]*peer{"10.7.0.2": narrow, "10.7.0.3": wide, "fd12::1": wide, "10.8.0.1": nil, "fd13::1": nil} {
		if got, _ := table.of(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s belongs to %p, want %p", address, got, want)
		}
	}
}

func TestTheScheduleGivesThePeerThatIsDueNext(t *testing.T) {
	early, late := newPeer(nil, noon), newPeer(nil, noon)
	s := schedule{}
	s.put(late, noon.Add(2*time.Second))
	s.put(early, noon.Add(time.Second))
	if s.first() != early {
		t.Error("the late one is first")
	}
	s.put(early, noon.Add(3*time.Second))
	if s.first() != late {
		t.Error("a place did not change")
	}
	s.put(late, time.Time{})
	s.put(late, time.Time{})
	s.put(early, time.Time{})
	if s.first() != nil {
		t.Error("the schedule is not empty")
	}
}

func TestAnAddressIsToldOnceASecondAndTheirNumberIsBounded(t *testing.T) {
	p := newPeer(nil, noon)
	from := netip.MustParseAddrPort("192.0.2.1:1")
	if !p.tellHeard(from, noon) || p.tellHeard(from, noon.Add(heardPace-1)) || !p.tellHeard(from, noon.Add(heardPace)) {
		t.Error("not once a second")
	}
	told := 0
	for port := range uint16(1000) {
		if p.tellHeard(netip.AddrPortFrom(from.Addr(), port+2), noon.Add(heardPace)) {
			told++
		}
	}
	if told != heardMax-1 || len(p.heard) != heardMax {
		t.Errorf("told %d, keeps %d", told, len(p.heard))
	}
	if !p.tellHeard(netip.MustParseAddrPort("192.0.2.2:1"), noon.Add(2*heardPace)) {
		t.Error("the table never empties")
	}
}

func TestCandidatesThatDoNotAnswerAreForgotten(t *testing.T) {
	p := newPeer(nil, noon)
	p.asked[protocol.Transaction{1}] = candidate{sentAt: noon}
	p.asked[protocol.Transaction{2}] = candidate{sentAt: noon.Add(time.Second)}
	if dropped := p.forgetAsked(noon.Add(outstandingTime)); dropped != 1 || len(p.asked) != 1 {
		t.Errorf("dropped %d, keeps %d", dropped, len(p.asked))
	}
}

func TestMemoryIsGivenBackOnceAfterATransfer(t *testing.T) {
	sea, over := tide{}, 0
	carried := uint64(0)
	for round := range 60 {
		if round >= 5 && round < 10 {
			carried += 5 * transferBytes
		}
		carried += 100
		if sea.over(map[protocol.Key]tunnel.Counters{{}: {RxBytes: carried}}) {
			over++
			if round != 9+quietRounds {
				t.Errorf("over in round %d", round)
			}
		}
	}
	if over != 1 {
		t.Errorf("over %d times", over)
	}
}
