// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"net/netip"
	"slices"

	"meshgate.dev/native/internal/late"
	"meshgate.dev/native/internal/protocol"
)

// lateness is how answers get through whose source WireGuard takes in from another peer by now. The tap is open while a
// gateway's own may be such.
type lateness struct {
	tap  *late.Tap
	from []netip.Prefix
}

// convergeLate refuses nothing: without it answers are lost that are on their way when a prefix moves, and no more.
func (e *Engine) convergeLate(device string, from []netip.Prefix, note noter) {
	held := &e.lateness
	if slices.Equal(held.from, from) {
		return
	}
	e.closeTap()
	if len(from) > 0 {
		tap, err := late.OpenTap(device, func(packet []byte) { e.sendLate(from, packet) })
		if err != nil {
			e.log.Warn("late answers are lost", "error", err)
			return
		}
		held.tap, held.from = tap, from
	}
	note("late-from %d", len(from))
}

func (e *Engine) closeTap() {
	if tap := e.lateness.tap; tap != nil {
		tap.Close()
	}
	e.lateness = lateness{}
}

// sendLate sends a second time what has left for a member from one of the prefixes.
func (e *Engine) sendLate(from []netip.Prefix, packet []byte) {
	source, destination, ok := late.Ends(packet)
	if !ok || !slices.ContainsFunc(from, func(prefix netip.Prefix) bool { return prefix.Contains(source) }) {
		return
	}
	e.mutex.Lock()
	sockets, isOurs := e.lateSockets, e.isOwn(source)
	p, _ := e.owners.of(destination)
	e.mutex.Unlock()
	// What we say ourselves never needs it: our own addresses do not move.
	if sockets != nil && p != nil && !isOurs {
		sockets.Send(p.spec.EchoAddress, packet)
	}
}

// LateArrived delivers what a gateway has sent a second time, if it may speak for the source but has lost it to another
// one: else WireGuard has taken it in already.
func (e *Engine) LateArrived(from netip.Addr, packet []byte) {
	source, destination, ok := late.Ends(packet)
	if !ok {
		return
	}
	e.mutex.Lock()
	sender, _ := e.owners.of(from)
	_, held := e.owners.of(source)
	isMeant := sender != nil && sender.spec.EchoAddress == from && slices.Contains(sender.late, held) && e.isOwn(destination)
	e.mutex.Unlock()
	if !isMeant {
		return
	}
	if err := late.Deliver(packet, destination); err != nil {
		e.log.Debug("late answer not delivered", "from", from, "error", err)
	}
}

// isOwn tells whether an address is the device's. The mutex is held.
func (e *Engine) isOwn(address netip.Addr) bool { return slices.Contains(e.ownAddresses, address) }

// expectLate comes before prefixes move, and what is no longer expected goes after it: in between, an answer that WireGuard
// still takes in may arrive twice, but none is lost.
func (e *Engine) expectLate(peers []protocol.Peer) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, spec := range peers {
		if p := e.peers[spec.PublicKey]; p != nil {
			p.late = append(slices.Clone(p.late), spec.LateIPs...)
		}
	}
}

// openLate replaces the sockets. The mutex is not held: closing waits for readers that need it.
func (e *Engine) openLate(name string, hosts []netip.Addr) error {
	e.closeLate()
	sockets, err := late.Open(name, hosts, e)
	if err != nil {
		return fmt.Errorf("sockets for late answers: %w", err)
	}
	e.mutex.Lock()
	e.lateSockets, e.ownAddresses = sockets, hosts
	e.mutex.Unlock()
	return nil
}

func (e *Engine) closeLate() {
	e.mutex.Lock()
	sockets := e.lateSockets
	e.lateSockets, e.ownAddresses = nil, nil
	e.mutex.Unlock()
	if sockets != nil {
		_ = sockets.Close()
	}
}
