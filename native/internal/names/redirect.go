// SPDX-License-Identifier: Apache-2.0

package names

import (
	"log/slog"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/nft"
)

// tableName is of the one table that is ours here; no other is touched.
const tableName = "meshgate-names"

// port is where the world asks for names. Listening there takes a capability that a helper does not
// have, so what the host sends to its own mesh address is turned to the port that the server has.
const port = 53

// Redirect makes the host's own questions arrive at the server, for as long as the table is kept.
func Redirect(addresses []netip.Addr, to uint16, log *slog.Logger) (*nft.Table, error) {
	return nft.Keep(tableName, log, func(contents *nft.Contents) error {
		chain := contents.Chain("output", &nft.Hook{
			Type: nftables.ChainTypeNAT, At: nftables.ChainHookOutput, Priority: int32(*nftables.ChainPriorityNATDest),
		})
		for _, address := range addresses {
			for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
				contents.Rule(chain, nft.Address(nft.Destination, address), nft.Protocol(protocol),
					nft.Port(nft.Destination, port), destination(address, to))
			}
		}
		return nil
	})
}

// destination is: dnat ip to ADDRESS:PORT. The statement `redirect` would lead to the loopback address.
func destination(address netip.Addr, to uint16) nft.Part {
	family := uint32(unix.NFPROTO_IPV4)
	if address.Is6() {
		family = unix.NFPROTO_IPV6
	}
	return nft.Part{
		&expr.Immediate{Register: 1, Data: address.AsSlice()},
		&expr.Immediate{Register: 2, Data: nft.BigEndian(to)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: family, RegAddrMin: 1, RegProtoMin: 2},
	}
}
