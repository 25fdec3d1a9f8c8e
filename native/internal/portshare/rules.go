// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The rules, for WireGuard's port 41820 and a socket on port 40001:
//
//	table inet meshgate-meshgate0 {
//		set in4  { type mark . ipv4_addr . inet_service; counter; }     likewise in6, out4 and out6
//		chain out { type filter hook output priority raw;
//			udp sport 41820 @th,64,32 . ip daddr . udp dport @out4      only counts
//			udp sport 40001 udp sport set 41820 }
//		chain in { type filter hook input priority 250;
//			udp dport 41820 jump sort }
//		chain sort {
//			@th,64,32 . ip saddr . udp sport @in4 accept
//			iif lo @th,64,32 1..4 accept                                what the helper hands to the kernel
//			udp dport set 40001 }
//	}
//
// Everybody else sees one port: connection tracking and the host's own filter come after the first
// rewriting and before the second.
const (
	priorityOut = -300
	// priorityIn is after all filters (0), security (50) and NAT (100) of the host.
	priorityIn = 250
)

const (
	offsetSourcePort      = 0
	offsetDestinationPort = 2
	offsetChecksum        = 6
	// offsetPayload is where the type of WireGuard's messages begins.
	offsetPayload = 8

	// register is the first of the 4-byte registers that a key is put together in.
	register = unix.NFT_REG32_00

	loopbackIndex = 1
)

// install replaces the table as a whole, in one transaction. The mutex is held.
func (share *Share) install() error {
	conn := share.conn
	// Deleting what is not there would fail, so it is made first.
	conn.AddTable(share.table)
	conn.DelTable(share.table)
	conn.AddTable(share.table)
	for _, set := range share.sets() {
		endpoints := make([]endpoint, 0, len(share.straight))
		for address := range share.straight {
			endpoints = append(endpoints, address)
		}
		if err := conn.AddSet(set.set, set.elements(endpoints)); err != nil {
			return err
		}
	}
	for _, chain := range share.chains() {
		conn.AddChain(chain)
	}
	rules := share.rules()
	share.expected = len(rules)
	for _, rule := range rules {
		conn.AddRule(rule)
	}
	return conn.Flush()
}

func (share *Share) rules() (rules []*nftables.Rule) {
	chains := share.chains()
	out, in, sort := chains[0], chains[1], chains[2]
	rule := func(chain *nftables.Chain, expressions ...[]expr.Any) {
		all := []expr.Any{}
		for _, some := range expressions {
			all = append(all, some...)
		}
		rules = append(rules, &nftables.Rule{Table: share.table, Chain: chain, Exprs: all})
	}
	sets := share.sets()
	for _, set := range sets[2:] {
		rule(out, family(set.ipv6), port(offsetSourcePort, share.ports.WireGuard), set.lookup(offsetDestinationPort))
	}
	rule(out, udp(), port(offsetSourcePort, share.ports.Socket), setPort(offsetSourcePort, share.ports.WireGuard))
	rule(in, udp(), port(offsetDestinationPort, share.ports.WireGuard), verdict(expr.VerdictJump, sort.Name))
	for _, set := range sets[:2] {
		rule(sort, family(set.ipv6), set.lookup(offsetSourcePort), verdict(expr.VerdictAccept, ""))
	}
	rule(sort, fromLoopback(), isWireGuard(), verdict(expr.VerdictAccept, ""))
	rule(sort, setPort(offsetDestinationPort, share.ports.Socket))
	return rules
}

// chains are out, in and sort.
func (share *Share) chains() [3]*nftables.Chain {
	hooked := func(name string, hook *nftables.ChainHook, priority nftables.ChainPriority) *nftables.Chain {
		return &nftables.Chain{
			Name: name, Table: share.table, Type: nftables.ChainTypeFilter,
			Hooknum: hook, Priority: nftables.ChainPriorityRef(priority),
		}
	}
	return [3]*nftables.Chain{
		hooked("out", nftables.ChainHookOutput, priorityOut),
		hooked("in", nftables.ChainHookInput, priorityIn),
		{Name: "sort", Table: share.table},
	}
}

func equals(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: data}
}

func udp() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register}, equals(unix.IPPROTO_UDP)}
}

func family(ipv6 bool) []expr.Any {
	protocol := byte(unix.NFPROTO_IPV4)
	if ipv6 {
		protocol = unix.NFPROTO_IPV6
	}
	return append([]expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register}, equals(protocol)}, udp()...)
}

func load(into, base, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: into, Base: expr.PayloadBase(base), Offset: offset, Len: length}
}

func port(offset uint32, number uint16) []expr.Any {
	return []expr.Any{
		load(register, unix.NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2), equals(binaryutil.BigEndian.PutUint16(number)...),
	}
}

func setPort(offset uint32, number uint16) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: register, Data: binaryutil.BigEndian.PutUint16(number)},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: register, Base: expr.PayloadBaseTransportHeader,
			Offset: offset, Len: 2, CsumType: expr.CsumTypeInet, CsumOffset: offsetChecksum,
		},
	}
}

func fromLoopback() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIF, Register: register}, equals(binaryutil.NativeEndian.PutUint32(loopbackIndex)...)}
}

// isWireGuard compares the type as a number in network order, as which nftables loads it.
func isWireGuard() []expr.Any {
	first, last := make([]byte, 4), make([]byte, 4)
	binary.LittleEndian.PutUint32(first, uint32(kinds[0]))
	binary.LittleEndian.PutUint32(last, uint32(kinds[len(kinds)-1]))
	// Only the first byte differs among the types, so that their order in memory is that of their numbers.
	return []expr.Any{
		load(register, unix.NFT_PAYLOAD_TRANSPORT_HEADER, offsetPayload, 4),
		&expr.Range{Op: expr.CmpOpEq, Register: register, FromData: first, ToData: last},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: []byte{0, 0xff, 0xff, 0xff}, Xor: make([]byte, 4)},
		equals(0, 0, 0, 0),
	}
}

func verdict(kind expr.VerdictKind, chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: kind, Chain: chain}}
}
