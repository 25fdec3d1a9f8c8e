// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"net/netip"

	"github.com/google/nftables"

	"meshgate.dev/native/internal/nft"
)

// endpoint saves the words of the field where sets are made.
type endpoint = netip.AddrPort

// kinds are the types of WireGuard's messages; the last one is that of sessions.
var kinds = [...]byte{1, 2, 3, 4}

const kindTransport = 4

// A side is one of the sets: of one family, for one direction.
type side struct {
	set  *nftables.Set
	ipv6 bool
}

// sides are in4, in6, out4 and out6.
func sides() [4]side {
	ipv4 := nftables.MustConcatSetType(nftables.TypeMark, nftables.TypeIPAddr, nftables.TypeInetService)
	ipv6 := nftables.MustConcatSetType(nftables.TypeMark, nftables.TypeIP6Addr, nftables.TypeInetService)
	made := func(name string, key nftables.SetDatatype) *nftables.Set {
		return &nftables.Set{Name: name, KeyType: key, Concatenation: true, Counter: true}
	}
	return [4]side{
		{made("in4", ipv4), false}, {made("in6", ipv6), true},
		{made("out4", ipv4), false}, {made("out6", ipv6), true},
	}
}

// elements are those of the endpoints of the set's family, one for each type of message.
func (set side) elements(endpoints []endpoint) (elements []nftables.SetElement) {
	for _, address := range endpoints {
		if address.Addr().Is6() != set.ipv6 {
			continue
		}
		for _, kind := range kinds {
			elements = append(elements, nftables.SetElement{Key: key(kind, address)})
		}
	}
	return elements
}

// key has each of its parts filled up to a register.
func key(kind byte, address endpoint) []byte {
	text := append([]byte{kind, 0, 0, 0}, address.Addr().AsSlice()...)
	return append(text, byte(address.Port()>>8), byte(address.Port()), 0, 0)
}

// lookup matches, and counts, a packet whose other end is in the set.
func (set side) lookup(other nft.End) nft.Part {
	addressWords := uint32(1)
	if set.ipv6 {
		addressWords = 4
	}
	return nft.Part{
		nft.LoadTransport(nft.Register, offsetPayload, 4),
		nft.LoadAddress(nft.Register+1, other, set.ipv6),
		nft.LoadTransport(nft.Register+1+addressWords, nft.OffsetPort(other), 2),
		nft.In(set.set),
	}
}
