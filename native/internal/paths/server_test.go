// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// still is a meter of paths that nothing goes over.
type still struct{}

func (still) Sent(string) Traffic      { return Traffic{} }
func (still) HeardAt(string) time.Time { return time.Time{} }

func TestAPathOverTURNIsAskedOnlyWhileThereIsAnAllocation(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	prober := NewProber(
		func() protocol.Transaction { return protocol.Transaction{byte(now.UnixMilli())} },
		still{},
	)
	over := protocol.Path{ID: "t", Kind: protocol.KindTurn, Server: "frankfurt", Endpoint: netip.MustParseAddrPort("192.0.2.1:7")}
	prober.Want([]protocol.Path{over}, time.Minute, now)
	asks := func() (count int) {
		for _, action := range prober.Advance(now) {
			if _, ok := action.(Ask); ok {
				count++
			}
		}
		return count
	}
	prober.Server("frankfurt", false, now)
	if asked := asks(); asked != 0 {
		t.Errorf("%d probes without an allocation", asked)
	}
	prober.Server("paris", true, now)
	if asked := asks(); asked != 0 {
		t.Errorf("%d probes with an allocation elsewhere", asked)
	}
	prober.Server("frankfurt", true, now)
	if asked := asks(); asked != 1 {
		t.Errorf("%d probes with an allocation", asked)
	}
	prober.Answered(protocol.Transaction{byte(now.UnixMilli())}, Report{}, now)
	if !prober.Snapshot()[0].Up {
		t.Fatal("the path is not up, so this tests nothing")
	}
	if turned := prober.Turned(); turned != "t" || prober.Direct().IsValid() {
		t.Errorf("what is for others goes over %q, or straight to %v", turned, prober.Direct())
	}
	actions := prober.Server("frankfurt", false, now)
	if fell, ok := actions[0].(Fell); !ok || fell.Reason != reasonServer || prober.Snapshot()[0].Up {
		t.Errorf("actions %v", actions)
	}
	if turned := prober.Turned(); turned != "" {
		t.Errorf("without an allocation %q would carry what is for others", turned)
	}
}
