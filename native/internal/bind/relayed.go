// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net/netip"

	"meshgate.dev/native/internal/relay"
)

// relayed is a path over one or two hubs.
type relayed struct {
	sent
	bind *Bind
	to   relay.Tag
	// hub is the first; other is the second, or zero.
	hub, other relay.Tag
}

// Relay is a path over hubs to a member; other is zero if there is one hub.
func (b *Bind) Relay(to, hub, other relay.Tag) Path {
	return &relayed{bind: b, to: to, hub: hub, other: other}
}

var errTooLarge = errors.New("larger than a relay frame can be")

func (path *relayed) Send(packets [][]byte) error {
	hop, own, ok := path.bind.Hosts.Hop(path.hub)
	if !ok {
		return ErrNoPath
	}
	header := relay.Header{Hops: 1, Destination: path.to, Source: own, Other: path.other}
	if path.other != (relay.Tag{}) {
		header.Hops = relay.HopsMax
	}
	batch := arenas.Get().(*arena)
	defer func() {
		batch.clear()
		arenas.Put(batch)
	}()
	for _, packet := range packets {
		if len(packet) > relay.PayloadSizeMax {
			return errTooLarge
		}
		frame, ok := batch.add(packet)
		if !ok {
			if err := path.bind.sendHop(batch.frames, hop); err != nil {
				return err
			}
			batch.clear()
			frame, _ = batch.add(packet)
		}
		relay.Wrap(frame, header, &hop.Key)
	}
	path.count(packets)
	return path.bind.sendHop(batch.frames, hop)
}

func (b *Bind) sendHop(frames [][]byte, hop relay.Hop) error {
	if hop.Endpoint != nil {
		return b.sockets.Send(frames, hop.Endpoint)
	}
	return hop.Over.Send(frames)
}

// Endpoint is the first hub's, or none while it cannot be reached.
func (path *relayed) Endpoint() netip.AddrPort {
	if hop, _, ok := path.bind.Hosts.Hop(path.hub); ok {
		return hop.To()
	}
	return netip.AddrPort{}
}
