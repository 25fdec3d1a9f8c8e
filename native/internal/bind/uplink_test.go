// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"
	"testing"

	"meshgate.dev/native/internal/relay"
)

func TestAPeerIsKnownByThePathThatLeavesFromTheAddressItWritesTo(t *testing.T) {
	b, peer := newRelayed(&batch{}, &inbox{})
	from, spare := netip.MustParseAddrPort("198.51.100.2:41820"), netip.MustParseAddr("192.0.3.1")
	b.Hosts.Expect(tagOfPeer, []relay.Way{{Address: from, Source: spare}})
	if known := b.Sender(endpointFrom(spare, 3, from)); known != peer {
		t.Errorf("it is %v", known)
	}
	if known := b.Sender(endpointFrom(netip.MustParseAddr("192.0.2.1"), 2, from)); known != nil {
		t.Error("it is known where no path of ours leaves from")
	}
}
