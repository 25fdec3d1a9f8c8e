// SPDX-License-Identifier: Apache-2.0

package nft

import "github.com/google/nftables"

// Contents are what is written into a table in one transaction.
type Contents struct {
	Conn  *nftables.Conn
	Table *nftables.Table

	chains []*nftables.Chain
	rules  int
}

// A Hook is where packets enter a chain.
type Hook struct {
	Type     nftables.ChainType
	At       *nftables.ChainHook
	Priority int32
}

// Filter is a hook for chains that judge or change packets.
func Filter(at *nftables.ChainHook, priority int32) *Hook {
	return &Hook{Type: nftables.ChainTypeFilter, At: at, Priority: priority}
}

// Chain makes one that packets enter at a hook, or by a jump if there is none.
func (c *Contents) Chain(name string, hook *Hook) *nftables.Chain {
	chain := &nftables.Chain{Name: name, Table: c.Table}
	if hook != nil {
		chain.Type, chain.Hooknum = hook.Type, hook.At
		chain.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(hook.Priority))
	}
	c.chains = append(c.chains, chain)
	return c.Conn.AddChain(chain)
}

// Rule adds one to the end of a chain.
func (c *Contents) Rule(chain *nftables.Chain, parts ...Part) {
	rule := &nftables.Rule{Table: c.Table, Chain: chain}
	for _, part := range parts {
		rule.Exprs = append(rule.Exprs, part...)
	}
	c.rules++
	c.Conn.AddRule(rule)
}

// chunk keeps one netlink message well below what an attribute may hold.
const chunk = 512

// Set makes one with its elements.
func (c *Contents) Set(set *nftables.Set, elements []nftables.SetElement) error {
	set.Table = c.Table
	first := min(chunk, len(elements))
	if err := c.Conn.AddSet(set, elements[:first]); err != nil {
		return err
	}
	for rest := elements[first:]; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
		if err := c.Conn.SetAddElements(set, rest[:min(chunk, len(rest))]); err != nil {
			return err
		}
	}
	return nil
}
