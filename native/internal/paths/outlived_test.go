// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

type nothing struct{}

func (nothing) Sent(string) Traffic      { return Traffic{} }
func (nothing) HeardAt(string) time.Time { return time.Time{} }

func TestAPathThatAnEarlierHelperUsedIsKeptUntilItHasNotAnsweredInTime(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	prober := NewProber(func() protocol.Transaction { return protocol.Transaction{byte(now.UnixMilli())} }, nothing{})
	wanted, used := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2")
	prober.Begin(used)
	prober.Want([]protocol.Path{
		{ID: "wanted", Kind: protocol.KindDirect, Endpoint: wanted},
		{ID: "used", Kind: protocol.KindDirect, Endpoint: used},
	}, time.Minute, now)
	if prober.Active() != "used" {
		t.Errorf("active is %q", prober.Active())
	}
	now = now.Add(trialTime)
	prober.Advance(now)
	if prober.Active() != "wanted" {
		t.Errorf("active is %q although nothing has answered", prober.Active())
	}
}
