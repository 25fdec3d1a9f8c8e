// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/relay"
)

// A receiver sorts the batches of one socket. It is used by one goroutine.
type receiver struct {
	bind *Bind
	// onwards are the frames of this batch that go on, by where they go.
	onwards []onward
	// heard is a run of WireGuard's packets from one address.
	heard struct {
		from                  origin
		transport, handshakes uint32
	}
}

type onward struct {
	to     *conn.StdNetEndpoint
	frames [][]byte
}

// receive leaves only WireGuard's datagrams in a batch: wireguard-go passes over those of size zero.
func (r *receiver) receive(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (data int) {
	now := time.Now()
	for i := range sizes {
		if sizes[i] == 0 {
			continue
		}
		datagram := packets[i][:sizes[i]]
		class := Classify(datagram)
		switch class {
		case WireGuard:
			r.hear(datagram, endpoints[i])
		case Relay:
			sizes[i], endpoints[i] = r.relayed(datagram, endpoints[i], now)
		default:
			sizes[i] = 0
			// A probe may be answered with what was heard before it, even in the same batch.
			r.tellHeard()
			r.bind.deliver(class, datagram, endpoints[i])
		}
		if sizes[i] > 0 && r.bind.undoes(packets[i][:sizes[i]], endpoints[i]) {
			sizes[i] = 0
		}
		if sizes[i] > keepaliveSize {
			data++
		}
	}
	r.tellHeard()
	r.forward()
	return data
}

func addressOf(endpoint conn.Endpoint) netip.AddrPort {
	std, ok := endpoint.(*conn.StdNetEndpoint)
	if !ok {
		return netip.AddrPort{}
	}
	// Addresses with a zone mean nothing on another host, and the protocol has none.
	return netip.AddrPortFrom(std.Addr().Unmap().WithZone(""), std.Port())
}

// An origin is where a datagram came from, and to which address of ours if any path leaves from one. It is compared for
// each packet, and so has no more than that.
type origin struct {
	address netip.AddrPort
	source  netip.Addr
}

func (b *Bind) originOf(endpoint conn.Endpoint) origin {
	from := origin{address: addressOf(endpoint)}
	if std, ok := endpoint.(*conn.StdNetEndpoint); ok && b.Hosts.HasSources() {
		from.source = std.SrcIP()
	}
	return from
}

// wayOf is the way of a member that this is, if it is one.
func (b *Bind) wayOf(from origin) relay.Way {
	return b.Hosts.Known(relay.Way{Address: from.address, Source: from.source})
}

// hear counts packets in runs: a batch mostly comes from one address.
func (r *receiver) hear(packet []byte, endpoint conn.Endpoint) {
	if from := r.bind.originOf(endpoint); from != r.heard.from {
		r.tellHeard()
		r.heard.from = from
	}
	if packet[0] == typeTransport {
		r.heard.transport++
	} else {
		r.heard.handshakes++
	}
}

func (r *receiver) tellHeard() {
	if r.heard.transport+r.heard.handshakes > 0 {
		r.bind.Hosts.HeardOver(r.bind.wayOf(r.heard.from), r.heard.transport, r.heard.handshakes)
	}
	r.heard.transport, r.heard.handshakes = 0, 0
}

// relayed takes a relay frame. What is left in its place is the WireGuard packet that was in it, from
// the member that sent it, or nothing.
func (r *receiver) relayed(frame []byte, endpoint conn.Endpoint, now time.Time) (int, conn.Endpoint) {
	verdict, err := r.bind.Hosts.Read(frame, addressOf(endpoint), now)
	if err != nil {
		return 0, endpoint
	}
	if verdict.Next != nil {
		r.pass(frame, verdict.Next)
		return 0, endpoint
	}
	payload := frame[relay.HeaderSize:]
	if Classify(payload) == Probe {
		r.bind.inbox.ReceiveProbe(payload, Source{Member: verdict.Source.Tag, Way: verdict.Way})
		return 0, endpoint
	}
	verdict.Heard(payload[0] == typeTransport)
	return copy(frame, payload), verdict.Source.Endpoint
}

// pass keeps a frame until the batch is through. The few destinations of a batch are searched one by one.
func (r *receiver) pass(frame []byte, to *conn.StdNetEndpoint) {
	for i := range r.onwards {
		if r.onwards[i].to == to {
			r.onwards[i].frames = append(r.onwards[i].frames, frame)
			return
		}
	}
	if len(r.onwards) < cap(r.onwards) {
		// The lists of earlier batches are used again.
		r.onwards = r.onwards[:len(r.onwards)+1]
	} else {
		r.onwards = append(r.onwards, onward{})
	}
	last := &r.onwards[len(r.onwards)-1]
	last.to, last.frames = to, append(last.frames[:0], frame)
}

// forward sends what goes on. What cannot leave is lost, as it would be on any link.
func (r *receiver) forward() {
	for i := range r.onwards {
		next := &r.onwards[i]
		if err := r.bind.sockets.Send(next.frames, next.to); err != nil {
			r.bind.Hosts.Lost(len(next.frames))
		}
		clear(next.frames)
		next.to = nil
	}
	r.onwards = r.onwards[:0]
}
