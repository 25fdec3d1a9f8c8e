// SPDX-License-Identifier: Apache-2.0

package names

import (
	"errors"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is of the one table that is ours here; no other is touched.
const tableName = "meshgate-names"

// port is where the world asks for names. Listening there takes a capability that a helper does not
// have, so what the host sends to its own mesh address is turned to the port that the server has.
const port = 53

// Redirect makes the host's own questions arrive at the server. Calling it again replaces the rules.
func Redirect(addresses []netip.Addr, to uint16) error {
	connection, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
	// Adding what is there already does nothing, and makes removing it safe.
	connection.AddTable(table)
	connection.DelTable(table)
	connection.AddTable(table)
	chain := connection.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})
	for _, address := range addresses {
		for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			connection.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: redirection(address, protocol, to)})
		}
	}
	return connection.Flush()
}

// Unredirect takes the rules away.
func Unredirect() error {
	connection, err := nftables.New()
	if err != nil {
		return err
	}
	connection.DelTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
	err = connection.Flush()
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// redirection is: ip daddr ADDRESS meta l4proto PROTOCOL th dport 53 dnat ip to ADDRESS:PORT. The statement
// `redirect` would lead to the loopback address.
func redirection(address netip.Addr, protocol byte, to uint16) []expr.Any {
	family, offset := byte(unix.NFPROTO_IPV4), uint32(16)
	if address.Is6() {
		family, offset = unix.NFPROTO_IPV6, 24
	}
	is := func(value []byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: value} }
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, is([]byte{family}),
		&expr.Payload{
			DestRegister: 1, Base: expr.PayloadBaseNetworkHeader,
			Offset: offset, Len: uint32(address.BitLen() / 8),
		}, is(address.AsSlice()),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, is([]byte{protocol}),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		is(binaryutil.BigEndian.PutUint16(port)),
		&expr.Immediate{Register: 1, Data: address.AsSlice()},
		&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(to)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(family), RegAddrMin: 1, RegProtoMin: 2},
	}
}
