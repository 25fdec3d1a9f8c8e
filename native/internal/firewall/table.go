// SPDX-License-Identifier: Apache-2.0

// Package firewall decides what may arrive over the device: one nftables table of our own, replaced as a whole.
package firewall

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"

	"meshgate.dev/native/internal/protocol"
)

// chunk keeps one netlink message well below what an attribute may hold.
const chunk = 512

// TableName names the table of a device; other tables are never touched.
func TableName(device string) string { return "meshgate-" + device }

// Settle makes exactly this the table of the device, in one step that no packet sees half of. Nil removes it.
func Settle(device string, firewall *protocol.Firewall) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: TableName(device)}
	// Made first, so that there is one to remove.
	conn.AddTable(table)
	conn.DelTable(table)
	if firewall != nil {
		if err := build(conn, conn.AddTable(table), device, firewall); err != nil {
			return err
		}
	}
	return conn.Flush()
}

func build(conn *nftables.Conn, table *nftables.Table, device string, firewall *protocol.Firewall) error {
	accept := nftables.ChainPolicyAccept
	chain := conn.AddChain(&nftables.Chain{
		Name: "arrival", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
	add := func(parts ...part) { conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: join(parts)}) }
	add(fromElsewhere(device), verdictAccept)
	add(established, verdictAccept)
	add(echo, verdictAccept)
	for i, admission := range firewall.Allow {
		for _, family := range families {
			set, err := addSet(conn, table, fmt.Sprintf("from-%d-%s", i, family.name), family, admission.From)
			if err != nil {
				return err
			}
			if set == nil {
				continue
			}
			for _, what := range whatOf(admission, family) {
				add(family.is, sourceIn(set, family), what, verdictAccept)
			}
		}
	}
	add(verdictDrop)
	return nil
}

// addSet is nil for a family of which no address is given.
func addSet(conn *nftables.Conn, table *nftables.Table, name string, family family, from []netip.Addr) (*nftables.Set, error) {
	elements := []nftables.SetElement{}
	for _, address := range from {
		if address.Is4() == family.is4 {
			elements = append(elements, nftables.SetElement{Key: address.AsSlice()})
		}
	}
	if len(elements) == 0 {
		return nil, nil
	}
	set := &nftables.Set{Table: table, Name: name, KeyType: family.keyType}
	if err := conn.AddSet(set, elements[:min(chunk, len(elements))]); err != nil {
		return nil, err
	}
	for rest := elements[min(chunk, len(elements)):]; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
		if err := conn.SetAddElements(set, rest[:min(chunk, len(rest))]); err != nil {
			return nil, err
		}
	}
	return set, nil
}
