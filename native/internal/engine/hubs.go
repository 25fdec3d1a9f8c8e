// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/paths"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

// knowHost tells the relay table who a peer is and how to recognise it. The mutex is held.
func (e *Engine) knowHost(p *peer, key protocol.Key) {
	p.tag = relay.TagOf(key)
	own := e.bind.Hosts.Own()
	p.endpoint.Prevail(bytes.Compare(own[:], p.tag[:]) < 0)
	outbound, inbound := p.pair.HopKeys()
	e.bind.Hosts.Put(relay.Host{
		Tag: p.tag, Endpoint: p.endpoint,
		Keys: relay.Keys{Outbound: relay.NewHopKey(outbound), Inbound: relay.NewHopKey(inbound)},
	})
}

// carrierOf makes what carries packets over a path.
func (e *Engine) carrierOf(p *peer, path protocol.Path) bind.Path {
	switch path.Kind {
	case protocol.KindDirect:
		if path.Socket != 0 {
			return e.punchedPath(p, path)
		}
		return e.bind.DirectFrom(path.Source, path.Endpoint)
	case protocol.KindTurn:
		return e.turned(path)
	case protocol.KindChannel:
		return e.bind.Channel(p.spec.PublicKey)
	}
	way := wayOf(path)
	return e.bind.Relay(p.tag, way.Hub, way.Other)
}

// wayOf is how the peer's packets arrive over the same path: the hub that is first for us is last for
// the peer, and hands them over.
func wayOf(path protocol.Path) (way relay.Way) {
	switch path.Kind {
	case protocol.KindChannel:
		return relay.Way{Channel: true}
	case protocol.KindDirect, protocol.KindTurn:
		return relay.Way{Address: path.Endpoint, Server: path.Server, Socket: path.Socket, Source: path.Source}
	}
	way.Hub = relay.TagOf(path.Via[0])
	if len(path.Via) == protocol.HubsPerPathMax {
		way.Other = relay.TagOf(path.Via[1])
	}
	return way
}

// sourcesOf are the addresses of ours that paths leave from, in order.
func sourcesOf(peers []protocol.Peer) (sources []netip.Addr) {
	for _, peer := range peers {
		for _, path := range peer.Paths {
			if path.Source.IsValid() {
				sources = append(sources, path.Source)
			}
		}
	}
	slices.SortFunc(sources, netip.Addr.Compare)
	return slices.Compact(sources)
}

// A route is where a peer's own direct path leads, and what carries packets to it over a TURN server.
type route struct {
	direct paths.Route
	turned bind.Path
}

// leads tells whether frames that are for others can be given to the peer.
func (r route) leads() bool { return r.direct.IsValid() || r.turned != nil }

// settleRoute passes on how a peer itself is reached, and moves what goes over the peer if it has come to
// be, or is no more. The mutex is held.
func (e *Engine) settleRoute(p *peer) (errands []errand) {
	now, was := time.Now(), p.route
	route := route{p.prober.Direct(), p.carriers[p.prober.Turned()]}
	if route == was {
		return nil
	}
	p.route = route
	e.routeDirect(p)
	e.bind.Hosts.RouteOver(p.tag, route.turned)
	if was.leads() == route.leads() {
		return nil
	}
	for _, other := range e.peers {
		if actions := other.prober.Hub(p.spec.PublicKey, route.leads(), now); len(actions) > 0 {
			errands = append(errands, e.act(other, actions)...)
		} else {
			e.reschedule(other)
		}
	}
	return errands
}

// routeDirect has what is for others leave to a peer by its direct path. The mutex is held.
func (e *Engine) routeDirect(p *peer) {
	if !p.route.direct.IsValid() {
		e.bind.Hosts.Route(p.tag, nil)
		return
	}
	e.bind.Hosts.Route(p.tag, e.bind.EndpointFrom(p.route.direct.Source, p.route.direct.Endpoint))
}

// doubtHub has the first hub of a path asked as well, if the path is needed because another is in
// doubt: a NAT that has given this host another address has cut both, and the hub takes no frame from an
// address from which no probe of ours has come. The mutex is held.
func (e *Engine) doubtHub(p *peer, id string) {
	if !p.prober.IsTroubled(time.Now()) {
		return
	}
	for _, path := range p.spec.Paths {
		if path.ID != id || path.Kind != protocol.KindRelay {
			continue
		}
		if hub := e.peers[path.Via[0]]; hub != nil {
			hub.prober.Moved(time.Now())
			e.reschedule(hub)
		}
	}
}

// settleHubs tells all peers which of their hubs, servers and channels can be used, once all peers are known.
func (e *Engine) settleHubs(now time.Time) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, p := range e.peers {
		for _, path := range p.spec.Paths {
			// Like wanting paths, this sends nothing by itself.
			switch path.Kind {
			case protocol.KindRelay:
				hub := e.peers[path.Via[0]]
				_ = e.act(p, p.prober.Hub(path.Via[0], hub != nil && hub.route.leads(), now))
			case protocol.KindTurn:
				server := e.turns[path.Server]
				up := server != nil && server.allocation.RelayedAddress().IsValid()
				_ = e.act(p, p.prober.Server(path.Server, up, now))
			case protocol.KindChannel:
				_ = e.act(p, p.prober.Channel(e.bind.Channels.Has(p.spec.PublicKey), now))
			}
		}
	}
}
