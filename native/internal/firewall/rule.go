// SPDX-License-Identifier: Apache-2.0

package firewall

import (
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	echoes "meshgate.dev/native/internal/echo"
	"meshgate.dev/native/internal/late"
	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/protocol"
)

// A family is IPv4 or IPv6.
type family struct {
	name    string
	ipv6    bool
	keyType nftables.SetDatatype
	icmp    byte
}

var families = []family{
	{name: "ipv4", keyType: nftables.TypeIPAddr, icmp: unix.IPPROTO_ICMP},
	{name: "ipv6", ipv6: true, keyType: nftables.TypeIP6Addr, icmp: unix.IPPROTO_ICMPV6},
}

var (
	// established lets in what belongs to what this host began, and errors about it.
	established = nft.Part{
		&expr.Ct{Register: nft.Register, Key: expr.CtKeySTATE},
		&expr.Bitwise{
			SourceRegister: nft.Register, DestRegister: nft.Register, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED),
			Xor:  binaryutil.NativeEndian.PutUint32(0),
		},
		nft.Differs(0, 0, 0, 0),
	}

	// echo is the proof inside the session: paths depend on it, whoever may reach whom.
	echo = join(nft.Protocol(unix.IPPROTO_UDP), nft.Port(nft.Destination, echoes.Port))

	// lateAnswer is how one comes from a member; what is in it is judged when it is delivered.
	lateAnswer = join(nft.Protocol(unix.IPPROTO_UDP), nft.Port(nft.Destination, late.Port))
)

// fromElsewhere is what has not come over the mesh. Late answers have, although they are delivered by another way.
func fromElsewhere(device string) nft.Part {
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, device)
	return nft.Part{
		nft.Meta(expr.MetaKeyIIFNAME), nft.Differs(name...),
		nft.Meta(expr.MetaKeyMARK), nft.Differs(binaryutil.NativeEndian.PutUint32(late.Mark)...),
	}
}

func sourceIn(set *nftables.Set, family family) nft.Part {
	return nft.Part{nft.LoadAddress(nft.Register, nft.Source, family.ipv6), nft.In(set)}
}

// whatOf is one condition for each range of ports, or one that any packet of the protocol meets.
func whatOf(admission protocol.Admission, family family) []nft.Part {
	var proto nft.Part
	switch admission.Protocol {
	case protocol.ProtocolTCP:
		proto = nft.Protocol(unix.IPPROTO_TCP)
	case protocol.ProtocolUDP:
		proto = nft.Protocol(unix.IPPROTO_UDP)
	case protocol.ProtocolICMP:
		proto = nft.Protocol(family.icmp)
	}
	if len(admission.Ports) == 0 {
		return []nft.Part{proto}
	}
	parts := []nft.Part{}
	for _, ports := range admission.Ports {
		parts = append(parts, join(proto, nft.Ports(nft.Destination, uint16(ports.Low), uint16(ports.High))))
	}
	return parts
}

// join makes one part of several, which share no memory with it.
func join(parts ...nft.Part) (joined nft.Part) {
	for _, part := range parts {
		joined = append(joined, part...)
	}
	return joined
}
