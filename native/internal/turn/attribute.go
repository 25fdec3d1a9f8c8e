// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// protocolUDP is the protocol number of REQUESTED-TRANSPORT.
const protocolUDP = 17

const (
	familyIPv4  = 1
	familyIPv6  = 2
	magicCookie = 0x2112a442
)

func requestedTransport() stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{protocolUDP, 0, 0, 0}}
}

func channelNumber(number uint16) stun.Setter {
	value := binary.BigEndian.AppendUint16(nil, number)
	return stun.RawAttribute{Type: stun.AttrChannelNumber, Value: append(value, 0, 0)}
}

func lifetimeOf(lifetime time.Duration) stun.Setter {
	value := binary.BigEndian.AppendUint32(nil, uint32(lifetime/time.Second))
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: value}
}

func readLifetime(message *stun.Message) (time.Duration, bool) {
	value, err := message.Get(stun.AttrLifetime)
	if err != nil || len(value) != 4 {
		return 0, false
	}
	return time.Duration(binary.BigEndian.Uint32(value)) * time.Second, true
}

// peerAddress is XOR-PEER-ADDRESS.
type peerAddress netip.AddrPort

// AddTo makes it a stun.Setter.
func (peer peerAddress) AddTo(message *stun.Message) error {
	address := netip.AddrPort(peer)
	xored := stun.XORMappedAddress{IP: address.Addr().AsSlice(), Port: int(address.Port())}
	return xored.AddToAs(message, stun.AttrXORPeerAddress)
}

// readAddress undoes the XOR without an allocation: with Data indications it is done for each packet.
func readAddress(value []byte, transaction []byte) (netip.AddrPort, bool) {
	if len(value) < 4 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(value[2:]) ^ magicCookie>>16
	var mask [16]byte
	binary.BigEndian.PutUint32(mask[:], magicCookie)
	copy(mask[4:], transaction)
	for i := range min(len(mask), len(value)-4) {
		mask[i] ^= value[4+i]
	}
	switch {
	case value[1] == familyIPv4 && len(value) == 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(mask[:4])), port), true
	case value[1] == familyIPv6 && len(value) == 20:
		return netip.AddrPortFrom(netip.AddrFrom16(mask).Unmap(), port), true
	}
	return netip.AddrPort{}, false
}

func readRelayed(message *stun.Message) (netip.AddrPort, bool) {
	value, err := message.Get(stun.AttrXORRelayedAddress)
	if err != nil {
		return netip.AddrPort{}, false
	}
	address, ok := readAddress(value, message.TransactionID[:])
	return address, ok && !address.Addr().IsUnspecified() && address.Port() != 0
}
