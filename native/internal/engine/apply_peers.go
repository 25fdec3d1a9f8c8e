// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

// derivePairs makes the probe keys of all pairs that are new, before anything is touched.
func (e *Engine) derivePairs(desired *protocol.Desired) (map[protocol.Key]*probe.Pair, []protocol.Problem) {
	pairs := map[protocol.Key]*probe.Pair{}
	problems := []protocol.Problem{}
	if desired.Device == nil {
		return pairs, nil
	}
	own := desired.Device.ProbeKey
	for i, spec := range desired.Peers {
		if p := e.peers[spec.PublicKey]; p != nil && p.own == own && p.spec.ProbeKey == spec.ProbeKey {
			continue
		}
		pair, err := probe.NewPair(own, spec.ProbeKey)
		if err != nil {
			problems = append(problems, protocol.Problem{
				Field: fmt.Sprintf("peers[%d].probeKey", i), Value: spec.ProbeKey.String(),
				Problem: err.Error(), Remedy: "give the peer's X25519 public key",
			})
			continue
		}
		pairs[spec.PublicKey] = pair
	}
	return pairs, problems
}

func (e *Engine) convergePeers(desired *protocol.Desired, pairs map[protocol.Key]*probe.Pair, note noter) error {
	wanted, holders := map[protocol.Key]bool{}, map[netip.Prefix]protocol.Key{}
	for _, spec := range desired.Peers {
		wanted[spec.PublicKey] = true
		for _, prefix := range spec.AllowedIPs {
			holders[prefix] = spec.PublicKey
		}
	}
	e.removePeers(wanted, note)
	limitMemory(len(wanted))
	e.expectLate(desired.Peers)
	for _, spec := range desired.Peers {
		p := e.peers[spec.PublicKey]
		var err error
		if p == nil {
			err = e.addPeer(spec, desired.Device.ProbeKey, pairs[spec.PublicKey])
			note("peer add %s", spec.PublicKey)
		} else {
			err = e.changePeer(p, spec, pairs[spec.PublicKey], holders, note)
			p.own = desired.Device.ProbeKey
		}
		if err != nil {
			return fmt.Errorf("peer %s: %w", spec.PublicKey, err)
		}
	}
	e.releasePunched(time.Now())
	e.keepTurned()
	e.settleHubs(time.Now())
	e.mutex.Lock()
	e.owners = ownersOf(e.peers)
	e.mutex.Unlock()
	return nil
}

func (e *Engine) removePeers(wanted map[protocol.Key]bool, note noter) {
	for key, p := range e.peers {
		if wanted[key] {
			continue
		}
		if e.device != nil {
			if err := e.device.wireguard.RemovePeer(key); err != nil {
				e.log.Error("cannot remove a peer", "peer", key, "error", err)
			}
		}
		e.mutex.Lock()
		e.outstanding -= len(p.asked)
		delete(e.peers, key)
		e.dismissChannel(p.spec.Paths, nil, key)
		delete(e.hints, p.pair.InboundHint())
		e.schedule.put(p, time.Time{})
		e.bind.Hosts.Remove(p.tag)
		errands := e.endSearch(p, protocol.SearchEnded{Result: protocol.SearchStopped})
		e.mutex.Unlock()
		carryOut(errands)
		note("peer del %s", key)
	}
}

func (e *Engine) addPeer(spec protocol.Peer, own protocol.Key, pair *probe.Pair) error {
	p := newPeer(pair, e.started)
	p.own, p.hosts = own, e.bind.Hosts
	was, err := e.device.wireguard.AddPeer(&spec, p.endpoint)
	if err != nil {
		return err
	}
	p.prober.Begin(was)
	p.spec = spec
	p.spec.Paths = nil
	e.mutex.Lock()
	e.peers[spec.PublicKey] = p
	e.hints[pair.InboundHint()] = p
	e.knowHost(p, spec.PublicKey)
	e.mutex.Unlock()
	e.usePaths(p, spec)
	return nil
}

// notMoving leaves out the prefixes that another peer gets: WireGuard moves those in one step, when they are given to
// that one. Taken away before, packets would belong to nobody for a moment; after, the kernel would take them from there.
func notMoving(prefixes []netip.Prefix, from protocol.Key, holders map[netip.Prefix]protocol.Key) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(prefixes), func(prefix netip.Prefix) bool {
		holder, isHeld := holders[prefix]
		return isHeld && holder != from
	})
}

func (e *Engine) changePeer(p *peer, spec protocol.Peer, pair *probe.Pair, holders map[netip.Prefix]protocol.Key, note noter) error {
	wireguard, key := e.device.wireguard, spec.PublicKey
	if p.spec.PresharedKey != spec.PresharedKey {
		if err := wireguard.SetPresharedKey(key, spec.PresharedKey); err != nil {
			return err
		}
		note("peer preshared-key %s", key)
	}
	if !slices.Equal(p.spec.AllowedIPs, spec.AllowedIPs) {
		if err := wireguard.SetAllowedIPs(key, notMoving(p.spec.AllowedIPs, key, holders), spec.AllowedIPs); err != nil {
			return err
		}
		note("peer allowed-ips %s", key)
	}
	if pair != nil {
		e.mutex.Lock()
		delete(e.hints, p.pair.InboundHint())
		p.pair, p.window = pair, probe.NewWindow(e.started)
		e.hints[pair.InboundHint()] = p
		e.knowHost(p, key)
		e.mutex.Unlock()
		note("peer probe-key %s", key)
	}
	if !slices.Equal(p.spec.LateIPs, spec.LateIPs) {
		note("peer late-ips %s", key)
	}
	if p.spec.EchoAddress != spec.EchoAddress {
		note("peer echo-address %s", key)
	}
	if p.spec.KeepaliveMs != spec.KeepaliveMs {
		note("peer keepalive %s", key)
	}
	if p.spec.Duplicate != spec.Duplicate {
		note("peer duplicate %s", key)
	}
	if !slices.EqualFunc(p.spec.Paths, spec.Paths, protocol.Path.Equal) {
		note("peer paths %s", key)
	}
	e.usePaths(p, spec)
	return nil
}

// usePaths takes over what needs no system call.
func (e *Engine) usePaths(p *peer, spec protocol.Peer) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	same := slices.EqualFunc(p.spec.Paths, spec.Paths, protocol.Path.Equal) && p.spec.KeepaliveMs == spec.KeepaliveMs
	before, carriers := p.spec.Paths, p.carriers
	p.spec, p.late = spec, spec.LateIPs
	_ = e.act(p, p.prober.Duplicate(spec.Duplicate))
	if same {
		return
	}
	e.dismissChannel(before, spec.Paths, spec.PublicKey)
	p.carriers = make(map[string]bind.Path, len(spec.Paths))
	p.ways = make(map[string]relay.Way, len(spec.Paths))
	ways := make([]relay.Way, 0, len(spec.Paths))
	for _, path := range spec.Paths {
		// A path that stays keeps what it has counted.
		p.carriers[path.ID] = carriers[path.ID]
		if !slices.ContainsFunc(before, path.Equal) {
			p.carriers[path.ID] = e.carrierOf(p, path)
		}
		p.ways[path.ID] = wayOf(path)
		ways = append(ways, p.ways[path.ID])
	}
	e.bind.Hosts.Expect(p.tag, ways)
	idle := time.Duration(spec.KeepaliveMs) * time.Millisecond
	// Wanting paths sends nothing by itself: the driver does, at once.
	_ = e.act(p, p.prober.Want(spec.Paths, idle, time.Now()))
	// An id may have stayed while its endpoint did not.
	p.endpoint.Use(p.carriers[p.prober.Active()])
}
