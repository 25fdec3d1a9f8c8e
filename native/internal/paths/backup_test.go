// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

func TestTheBackupSharesAsLittleAsItCanWithTheActivePath(t *testing.T) {
	direct := func(id, to string) protocol.Path {
		return protocol.Path{ID: id, Kind: protocol.KindDirect, Endpoint: netip.MustParseAddrPort(to)}
	}
	relay := func(id string, hubs ...byte) protocol.Path {
		path := protocol.Path{ID: id, Kind: protocol.KindRelay}
		for _, hub := range hubs {
			path.Via = append(path.Via, protocol.Key{hub})
		}
		return path
	}
	v4, sameHost := direct("v4", "203.0.113.1:1"), direct("same", "203.0.113.1:2")
	other, v6 := direct("other", "198.51.100.1:1"), direct("v6", "[2001:db8::1]:1")
	cases := map[string]struct {
		paths []protocol.Path
		want  string
	}{
		"a hub rather than another direct path":   {[]protocol.Path{v4, sameHost, relay("hub", 1)}, "hub"},
		"the other family rather than the same":   {[]protocol.Path{v4, other, v6}, "v6"},
		"another address rather than the same":    {[]protocol.Path{v4, sameHost, other}, "other"},
		"over another hub rather than the same":   {[]protocol.Path{relay("a", 1), relay("b", 1, 2), relay("c", 3)}, "c"},
		"the most wanted among equals":            {[]protocol.Path{v4, relay("a", 1), relay("b", 2)}, "a"},
		"what there is, however much it is alike": {[]protocol.Path{v4, sameHost}, "same"},
	}
	for what, c := range cases {
		prober := NewProber(nil, nil)
		for i, spec := range c.paths {
			p := newPath(spec, uint8(i+1), start)
			p.phase, p.stuck, p.lastReply = up, false, start
			prober.paths = append(prober.paths, p)
		}
		prober.active = prober.paths[0]
		if got := prober.backup(); got == nil || got.id != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
