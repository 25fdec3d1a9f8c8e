// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

// channeled is a path over a data channel that a program of the agent's holds.
type channeled struct {
	sent
	channels *channel.Table
	peer     protocol.Key
}

// Channel is the path over the data channel to a peer.
func (b *Bind) Channel(peer protocol.Key) Path {
	return &channeled{channels: b.Channels, peer: peer}
}

func (path *channeled) Send(packets [][]byte) error {
	for _, packet := range packets {
		if len(packet) > channel.PayloadSizeMax {
			return errTooLarge
		}
		if !path.channels.Send(channel.Frame{Kind: channel.Packet, Peer: path.peer, Payload: packet}) {
			return ErrNoPath
		}
	}
	path.count(packets)
	return nil
}

// Endpoint is none: only the carrier knows where the channel leads.
func (path *channeled) Endpoint() netip.AddrPort { return netip.AddrPort{} }

// ReceiveChannel sorts a datagram that came over the data channel to a member, whom WireGuard knows by
// its endpoint.
func (b *Bind) ReceiveChannel(datagram []byte, peer protocol.Key, endpoint conn.Endpoint) {
	way, from := relay.Way{Channel: true}, relay.TagOf(peer)
	switch Classify(datagram) {
	case WireGuard:
		ring := b.ring()
		if ring != nil && ring.put(datagram, endpoint) {
			relay.Verdict{Arrival: b.Hosts.Arrival(from, way)}.Heard(datagram[0] == typeTransport)
		}
	case Probe:
		b.inbox.ReceiveProbe(datagram, Source{Way: way, Member: from, channel: b.Channel(peer)})
	default:
		b.foreign.Add(1)
	}
}
