// SPDX-License-Identifier: Apache-2.0

package firewall

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	echoes "meshgate.dev/native/internal/echo"
	"meshgate.dev/native/internal/protocol"
)

// A part is one condition of a rule, or what becomes of the packet. All use the first register.
type part []expr.Any

func join(parts []part) (exprs []expr.Any) {
	for _, part := range parts {
		exprs = append(exprs, part...)
	}
	return exprs
}

// A family is IPv4 or IPv6, and where its packets keep their source.
type family struct {
	name    string
	is4     bool
	keyType nftables.SetDatatype
	is      part
	source  expr.Payload
	icmp    byte
}

var families = []family{
	{
		name: "ipv4", is4: true, keyType: nftables.TypeIPAddr, is: metaIs(expr.MetaKeyNFPROTO, unix.NFPROTO_IPV4),
		source: expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4}, icmp: unix.IPPROTO_ICMP,
	},
	{
		name: "ipv6", keyType: nftables.TypeIP6Addr, is: metaIs(expr.MetaKeyNFPROTO, unix.NFPROTO_IPV6),
		source: expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 8, Len: 16}, icmp: unix.IPPROTO_ICMPV6,
	},
}

var (
	verdictAccept = part{&expr.Verdict{Kind: expr.VerdictAccept}}
	verdictDrop   = part{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}}

	// established lets in what belongs to what this host began, and errors about it.
	established = part{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED),
			Xor:  binaryutil.NativeEndian.PutUint32(0),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0, 0, 0, 0}},
	}

	// echo is the proof inside the session: paths depend on it, whoever may reach whom.
	echo = append(metaIs(expr.MetaKeyL4PROTO, unix.IPPROTO_UDP), portIn(protocol.PortRange{Low: echoes.Port, High: echoes.Port})...)
)

func fromElsewhere(device string) part {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, device)
	return part{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: name},
	}
}

func sourceIn(set *nftables.Set, family family) part {
	source := family.source
	return part{&source, &expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID}}
}

// whatOf is one condition for each range of ports, or one that any packet of the protocol meets.
func whatOf(admission protocol.Admission, family family) []part {
	var proto part
	switch admission.Protocol {
	case protocol.ProtocolTCP:
		proto = metaIs(expr.MetaKeyL4PROTO, unix.IPPROTO_TCP)
	case protocol.ProtocolUDP:
		proto = metaIs(expr.MetaKeyL4PROTO, unix.IPPROTO_UDP)
	case protocol.ProtocolICMP:
		proto = metaIs(expr.MetaKeyL4PROTO, family.icmp)
	}
	if len(admission.Ports) == 0 {
		return []part{proto}
	}
	parts := []part{}
	for _, ports := range admission.Ports {
		parts = append(parts, append(append(part{}, proto...), portIn(ports)...))
	}
	return parts
}

func metaIs(key expr.MetaKey, value byte) part {
	return part{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{value}},
	}
}

func portIn(ports protocol.PortRange) part {
	return part{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: bigEndian(ports.Low), ToData: bigEndian(ports.High)},
	}
}

func bigEndian(port int) []byte {
	return binary.BigEndian.AppendUint16(nil, uint16(port))
}
