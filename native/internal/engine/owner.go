// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"slices"

	"meshgate.dev/native/internal/protocol"
)

// owners tells whose address in the mesh an address is, as WireGuard's own table does.
type owners struct {
	byPrefix map[netip.Prefix]*peer
	lengths  []int
}

func ownersOf(peers map[protocol.Key]*peer) owners {
	table := owners{byPrefix: map[netip.Prefix]*peer{}}
	for _, p := range peers {
		for _, prefix := range p.spec.AllowedIPs {
			table.byPrefix[prefix] = p
			if !slices.Contains(table.lengths, prefix.Bits()) {
				table.lengths = append(table.lengths, prefix.Bits())
			}
		}
	}
	slices.Sort(table.lengths)
	slices.Reverse(table.lengths)
	return table
}

// of gives the peer, and the prefix of its that holds the address.
func (table owners) of(address netip.Addr) (*peer, netip.Prefix) {
	for _, length := range table.lengths {
		if prefix, err := address.Prefix(length); err == nil {
			if p := table.byPrefix[prefix]; p != nil {
				return p, prefix
			}
		}
	}
	return nil, netip.Prefix{}
}
