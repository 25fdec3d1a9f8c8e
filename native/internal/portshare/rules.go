// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/nft"
)

// The rules, for WireGuard's port 41820 and a socket on port 40001:
//
//	table inet meshgate-meshgate0/port {
//		set in4  { type mark . ipv4_addr . inet_service; counter; }     likewise in6, out4 and out6
//		chain out { type filter hook output priority raw;
//			udp sport 41820 @th,64,32 . ip daddr . udp dport @out4 accept
//			udp sport 40001 udp sport set 41820 }
//		chain in { type filter hook input priority 250;
//			udp dport 41820 jump sort }
//		chain sort {
//			iif lo @th,64,32 1..4 accept                                what the helper hands to the kernel
//			@th,64,32 . ip saddr . udp sport @in4 accept
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
	offsetChecksum = 6
	// offsetPayload is where the type of WireGuard's messages begins.
	offsetPayload = 8

	loopbackIndex = 1
)

// fill writes the whole table.
func (share *Share) fill(contents *nft.Contents) error {
	endpoints := make([]endpoint, 0, len(share.straight))
	for address := range share.straight {
		endpoints = append(endpoints, address)
	}
	sets := sides()
	for _, set := range sets {
		if err := contents.Set(set.set, set.elements(endpoints)); err != nil {
			return err
		}
	}
	out := contents.Chain("out", nft.Filter(nftables.ChainHookOutput, priorityOut))
	in := contents.Chain("in", nft.Filter(nftables.ChainHookInput, priorityIn))
	sort := contents.Chain("sort", nil)
	udp := nft.Protocol(unix.IPPROTO_UDP)
	for _, set := range sets[2:] {
		contents.Rule(out, nft.Family(set.ipv6), udp, nft.Port(nft.Source, share.ports.WireGuard), set.lookup(nft.Destination), nft.Accept())
	}
	contents.Rule(out, udp, nft.Port(nft.Source, share.ports.Socket), setPort(nft.Source, share.ports.WireGuard))
	contents.Rule(in, udp, nft.Port(nft.Destination, share.ports.WireGuard), nft.Jump(sort))
	// Before the sets: what came over a relay is handed on as if it came straight, and must not count as a proof of that path.
	contents.Rule(sort, fromLoopback(), isWireGuard(), nft.Accept())
	for _, address := range share.apart {
		contents.Rule(sort, nft.Address(nft.Destination, address), udp, setPort(nft.Destination, share.ports.Socket), nft.Accept())
	}
	for _, set := range sets[:2] {
		contents.Rule(sort, nft.Family(set.ipv6), udp, set.lookup(nft.Source), nft.Accept())
	}
	contents.Rule(sort, setPort(nft.Destination, share.ports.Socket))
	return nil
}

func setPort(end nft.End, number uint16) nft.Part {
	return nft.Part{
		&expr.Immediate{Register: nft.Register, Data: nft.BigEndian(number)},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: nft.Register, Base: expr.PayloadBaseTransportHeader,
			Offset: nft.OffsetPort(end), Len: 2, CsumType: expr.CsumTypeInet, CsumOffset: offsetChecksum,
		},
	}
}

func fromLoopback() nft.Part {
	return nft.Part{nft.Meta(expr.MetaKeyIIF), nft.Equals(binaryutil.NativeEndian.PutUint32(loopbackIndex)...)}
}

// isWireGuard compares the type as a number in network order, as which nftables loads it.
func isWireGuard() nft.Part {
	first, last := make([]byte, 4), make([]byte, 4)
	binary.LittleEndian.PutUint32(first, uint32(kinds[0]))
	binary.LittleEndian.PutUint32(last, uint32(kinds[len(kinds)-1]))
	// Only the first byte differs among the types, so that their order in memory is that of their numbers.
	return nft.Part{
		nft.LoadTransport(nft.Register, offsetPayload, 4),
		&expr.Range{Op: expr.CmpOpEq, Register: nft.Register, FromData: first, ToData: last},
		&expr.Bitwise{
			SourceRegister: nft.Register, DestRegister: nft.Register, Len: 4, Mask: []byte{0, 0xff, 0xff, 0xff}, Xor: make([]byte, 4),
		},
		nft.Equals(0, 0, 0, 0),
	}
}
