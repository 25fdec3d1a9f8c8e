// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"slices"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/paths"
	"meshgate.dev/native/internal/protocol"
)

// State tells what is.
func (e *Engine) State() protocol.State {
	e.change.Lock()
	defer e.change.Unlock()
	state := protocol.State{
		Instance: e.instance, Engine: e.kind.Name(), Generation: e.generation, Restored: e.restored,
		Relayed: e.bind.Hosts.Counters(), Turn: []protocol.TurnState{},
		Routes: []protocol.Route{}, Peers: []protocol.PeerState{},
	}
	if e.restored || e.takeover.Device {
		takeover := e.takeover
		state.Takeover = &takeover
	}
	if d := e.device; d != nil {
		state.Device = &protocol.DeviceState{
			Name: d.spec.Name, Index: d.kernel.Index(), MTU: d.spec.MTU, ListenPort: d.port,
			PublicKey: protocol.PublicKey(d.spec.PrivateKey), Addresses: orEmpty(d.spec.Addresses),
			StunServer: d.spec.StunServer, Relay: d.spec.Relay,
		}
		state.Routes = orEmpty(e.desired.Routes)
		if e.naming != nil {
			state.Names = e.naming.state()
		}
	}
	e.refreshCounters()
	now := time.Now()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	state.Links = orEmpty(e.links.list)
	for _, spec := range e.desired.Turn {
		if server := e.turns[spec.ID]; server != nil {
			state.Turn = append(state.Turn, server.state(server.allocation.Status()))
		}
	}
	for _, spec := range e.desired.Peers {
		if p := e.peers[spec.PublicKey]; p != nil {
			state.Peers = append(state.Peers, p.state(now))
		}
	}
	return state
}

// refreshCounters makes the answer one of now, and not of the last observation.
func (e *Engine) refreshCounters() {
	if e.device == nil {
		return
	}
	counters, _, err := e.device.wireguard.Counters()
	if err != nil {
		return
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for key, p := range e.peers {
		p.counters = counters[key]
	}
}

func (p *peer) state(now time.Time) protocol.PeerState {
	session := p.prober.Session()
	state := protocol.PeerState{
		PublicKey: p.spec.PublicKey, AllowedIPs: orEmpty(p.spec.AllowedIPs), KeepaliveMs: p.spec.KeepaliveMs,
		RxBytes: p.counters.RxBytes, TxBytes: p.counters.TxBytes,
		LastHandshakeMs: ageMs(p.counters.LastHandshake, now),
		ActivePath:      idOrNull(p.prober.Active()),
		Session:         protocol.Session{RttUs: microseconds(session.Rtt), AgeMs: ageMs(session.At, now)},
		Paths:           []protocol.PathState{},
	}
	for i, path := range p.prober.Snapshot() {
		spec := p.spec.Paths[i]
		state.Paths = append(state.Paths, protocol.PathState{
			ID: path.ID, Kind: spec.Kind, Endpoint: endpointOrNull(p.carriers[path.ID]), Via: orEmpty(spec.Via),
			Server: idOrNull(spec.Server), Socket: portOrNull(spec.Socket), Source: addressOrNull(spec.Source), Up: path.Up,
			Carries: carries(path.Carries),
			RttUs:   microseconds(path.Rtt), LossPermille: path.LossPermille,
			LastReplyMs: ageMs(path.LastReply, now),
		})
	}
	return state
}

func addressOrNull(address netip.Addr) *netip.Addr {
	if !address.IsValid() {
		return nil
	}
	return &address
}

// portOrNull is null for the one port.
func portOrNull(port int) *int {
	if port == 0 {
		return nil
	}
	return &port
}

// carries is null for what is not known.
func carries(known paths.Carries) *bool {
	if known == paths.CarriesUnknown {
		return nil
	}
	truth := known == paths.CarriesTraffic
	return &truth
}

// endpointOrNull is null while packets cannot leave over a path.
func endpointOrNull(carrier bind.Path) *netip.AddrPort {
	if endpoint := carrier.Endpoint(); endpoint.IsValid() {
		return &endpoint
	}
	return nil
}

// ageMs is null for what never happened.
func ageMs(at, now time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	age := max(0, now.Sub(at).Milliseconds())
	return &age
}

// microseconds is null for what was never measured.
func microseconds(rtt time.Duration) *int64 {
	if rtt == 0 {
		return nil
	}
	us := rtt.Microseconds()
	return &us
}

// orEmpty keeps null out of documents.
func orEmpty[T netip.Prefix | protocol.Link | protocol.Route | protocol.Key](list []T) []T {
	if list == nil {
		return []T{}
	}
	return slices.Clone(list)
}
