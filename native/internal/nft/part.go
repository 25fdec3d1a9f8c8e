// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A Part is one condition of a rule, or what becomes of the packet. Two rules may share one: nothing is
// ever appended to a part.
type Part []expr.Any

// Register is the first of the 4-byte registers, which parts use unless they are told otherwise.
const Register = unix.NFT_REG32_00

// An End is the source or the destination of a packet.
type End uint32

// The two ends.
const (
	Source End = iota
	Destination
)

// Equals compares what is in the register.
func Equals(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: Register, Data: data}
}

// Differs compares what is in the register.
func Differs(data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpNeq, Register: Register, Data: data}
}

// Meta loads what the kernel knows of a packet.
func Meta(key expr.MetaKey) expr.Any { return &expr.Meta{Key: key, Register: Register} }

// Family is IPv4 or IPv6.
func Family(ipv6 bool) Part {
	if ipv6 {
		return Part{Meta(expr.MetaKeyNFPROTO), Equals(unix.NFPROTO_IPV6)}
	}
	return Part{Meta(expr.MetaKeyNFPROTO), Equals(unix.NFPROTO_IPV4)}
}

// Protocol is that above IP.
func Protocol(number byte) Part { return Part{Meta(expr.MetaKeyL4PROTO), Equals(number)} }

// LoadAddress loads the address of one end of a packet of a family.
func LoadAddress(into uint32, end End, ipv6 bool) expr.Any {
	length, offset := uint32(4), uint32(12)
	if ipv6 {
		length, offset = 16, 8
	}
	return &expr.Payload{
		DestRegister: into, Base: expr.PayloadBaseNetworkHeader, Offset: offset + uint32(end)*length, Len: length,
	}
}

// LoadTransport loads what is somewhere in the transport header, or behind it.
func LoadTransport(into, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: into, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: length}
}

// OffsetPort is where TCP and UDP keep the port of an end.
func OffsetPort(end End) uint32 { return 2 * uint32(end) }

// Address is a packet's, of its family.
func Address(end End, address netip.Addr) Part {
	return append(Family(address.Is6()), LoadAddress(Register, end, address.Is6()), Equals(address.AsSlice()...))
}

// Port is one of TCP or UDP, after the protocol is known.
func Port(end End, port uint16) Part {
	return Part{LoadTransport(Register, OffsetPort(end), 2), Equals(BigEndian(port)...)}
}

// Ports are a range, both ends included.
func Ports(end End, low, high uint16) Part {
	return Part{
		LoadTransport(Register, OffsetPort(end), 2),
		&expr.Range{Op: expr.CmpOpEq, Register: Register, FromData: BigEndian(low), ToData: BigEndian(high)},
	}
}

// In looks up what is in the registers from the first one on.
func In(set *nftables.Set) expr.Any {
	return &expr.Lookup{SourceRegister: Register, SetName: set.Name, SetID: set.ID}
}

// Accept lets a packet pass this chain.
func Accept() Part { return Part{&expr.Verdict{Kind: expr.VerdictAccept}} }

// Drop counts what it drops.
func Drop() Part { return Part{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}} }

// Jump goes on in another chain, and comes back.
func Jump(chain *nftables.Chain) Part {
	return Part{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain.Name}}
}

// BigEndian is a port as packets carry it.
func BigEndian(port uint16) []byte { return binary.BigEndian.AppendUint16(nil, port) }
