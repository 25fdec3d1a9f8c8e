// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

// Apply makes what is desired, and tells what it had to do for that.
func (e *Engine) Apply(desired *protocol.Desired) (protocol.Applied, *protocol.Fault) {
	e.change.Lock()
	defer e.change.Unlock()
	if e.closed {
		return protocol.Applied{}, protocol.SystemFault(protocol.ReasonSystem, "connect again", "the helper is shutting down")
	}
	pairs, problems := e.derivePairs(desired)
	if len(problems) > 0 {
		return protocol.Applied{}, protocol.Refusal(protocol.CodeRefused, problems)
	}
	changed, err := e.converge(desired, pairs)
	if len(changed) > 0 {
		e.generation++
		e.log.Info("applied", "generation", e.generation, "changed", len(changed))
	}
	if err != nil {
		e.log.Error("cannot apply", "error", err)
		return protocol.Applied{}, faultOf(err)
	}
	e.desired = desired
	return protocol.Applied{Generation: e.generation, Changed: changed}, nil
}

// Restore makes what an earlier start of the helper kept.
func (e *Engine) Restore(desired *protocol.Desired) *protocol.Fault {
	_, fault := e.Apply(desired)
	if fault == nil {
		e.change.Lock()
		defer e.change.Unlock()
		e.restored = true
	}
	return fault
}

// converge goes from what is to what is desired. It is safe to call again after a failure.
func (e *Engine) converge(desired *protocol.Desired, pairs map[protocol.Key]*probe.Pair) ([]string, error) {
	changed := []string{}
	note := func(format string, args ...any) { changed = append(changed, fmt.Sprintf(format, args...)) }
	if desired.Device == nil {
		e.removePeers(nil, note)
		e.releasePunched(time.Now())
		e.mutex.Lock()
		e.owners = owners{}
		e.mutex.Unlock()
		if e.device != nil {
			note("device delete %s", e.device.spec.Name)
			e.removeDevice()
			e.lostPort = 0
		}
		e.kind.Release()
		e.convergeTurns(nil, note)
		return changed, nil
	}
	if err := e.convergeDevice(desired, note); err != nil {
		return changed, err
	}
	e.convergeTurns(desired.Turn, note)
	if err := e.convergeFirewall(desired.Device.Name, desired.Firewall, note); err != nil {
		if errors.Is(err, nft.ErrMissing) {
			// Who is to be kept out cannot be, so nobody is let in, also of those who are in already.
			err = errors.Join(err, e.convergePeers(&protocol.Desired{Device: desired.Device}, nil, note))
		}
		return changed, err
	}
	if err := e.device.wireguard.Apart(sourcesOf(desired.Peers)); err != nil {
		return changed, err
	}
	if err := e.convergePeers(desired, pairs, note); err != nil {
		return changed, err
	}
	more, err := e.device.kernel.SettleRoutes(desired.Routes)
	changed = append(changed, more...)
	e.convergeNames(desired.Names, note)
	e.convergeLate(desired.Device.Name, desired.LateFrom, note)
	return changed, err
}

type noter func(format string, args ...any)

func (e *Engine) convergeDevice(desired *protocol.Desired, note noter) error {
	spec := desired.Device
	if e.device != nil && e.device.spec.Name != spec.Name {
		note("device delete %s", e.device.spec.Name)
		e.removeDevice()
	}
	if e.device == nil {
		port := spec.ListenPort
		if port == 0 {
			port = e.lostPort
		}
		if err := e.makeDevice(desired, port); err != nil {
			return err
		}
		note("device create %s", spec.Name)
	}
	e.lostPort = 0
	if err := e.convergeKeys(spec, note); err != nil {
		return err
	}
	if err := e.convergePort(spec, note); err != nil {
		return err
	}
	d := e.device
	settled, err := d.kernel.Settle(spec.MTU, spec.Addresses)
	for _, change := range settled {
		note("%s", change)
	}
	if err != nil {
		return err
	}
	hosts := addressesOf(d.spec.Addresses)
	if e.echoSockets == nil || !slices.Equal(hosts, addressesOf(spec.Addresses)) {
		if err := e.openEcho(spec.Name, spec.Addresses, d.kernel.HasIPv6()); err != nil {
			return fmt.Errorf("echo sockets: %w", err)
		}
	}
	if e.stunOn.Load() != spec.StunServer {
		e.stunOn.Store(spec.StunServer)
		note("device stun-server %t", spec.StunServer)
	}
	if e.bind.Hosts.Forwarding() != spec.Relay {
		e.bind.Hosts.Forward(spec.Relay)
		note("device relay %t", spec.Relay)
	}
	e.mutex.Lock()
	e.meshPrefixes = spec.Addresses
	e.mutex.Unlock()
	d.spec = *spec
	return nil
}

func addressesOf(prefixes []netip.Prefix) []netip.Addr {
	hosts := make([]netip.Addr, 0, len(prefixes))
	for _, prefix := range prefixes {
		hosts = append(hosts, prefix.Addr())
	}
	return hosts
}

func (e *Engine) convergeKeys(spec *protocol.Device, note noter) error {
	d := e.device
	if d.spec.PrivateKey != spec.PrivateKey {
		if err := d.wireguard.SetPrivateKey(spec.PrivateKey); err != nil {
			return err
		}
		d.spec.PrivateKey = spec.PrivateKey
		e.bind.Hosts.SetOwn(relay.TagOf(protocol.PublicKey(spec.PrivateKey)))
		e.mutex.Lock()
		for key, p := range e.peers {
			e.knowHost(p, key)
		}
		e.mutex.Unlock()
		note("device private-key")
	}
	if d.spec.ProbeKey != spec.ProbeKey {
		d.spec.ProbeKey = spec.ProbeKey
		note("device probe-key")
	}
	return nil
}

// convergePort keeps the old port if the new one is taken. 0 is whatever it is now.
func (e *Engine) convergePort(spec *protocol.Device, note noter) error {
	d := e.device
	if spec.ListenPort != 0 && spec.ListenPort != d.port {
		if err := d.wireguard.SetListenPort(spec.ListenPort); err != nil {
			if again := d.wireguard.SetListenPort(d.port); again != nil {
				e.log.Error("cannot go back to the old port", "port", d.port, "error", again)
			}
			return fmt.Errorf("port %d: %w", spec.ListenPort, err)
		}
		d.port = spec.ListenPort
		note("device port %d", d.port)
	}
	d.spec.ListenPort = spec.ListenPort
	return nil
}
