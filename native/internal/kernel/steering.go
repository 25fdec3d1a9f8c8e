// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"net/netip"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/bind"
)

// steering are the peers whose paths have changed. Whoever changes them must not wait for the kernel.
type steering struct {
	mutex  sync.Mutex
	dirty  map[*peer]bool
	wake   chan struct{}
	closed bool
}

func newSteering() steering { return steering{dirty: map[*peer]bool{}, wake: make(chan struct{}, 1)} }

func (s *steering) put(p *peer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return
	}
	s.dirty[p] = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *steering) take() (peers []*peer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for p := range s.dirty {
		peers = append(peers, p)
	}
	clear(s.dirty)
	return peers
}

func (s *steering) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
	close(s.wake)
}

// lookAgain is when a switch is looked at again: a packet that was being decrypted meanwhile may have
// moved the endpoint back.
const lookAgain = 50 * time.Millisecond

// steer tells the kernel of changed paths.
func (d *Device) steer() {
	for range d.steering.wake {
		peers := d.steering.take()
		if d.redirect(peers) {
			time.AfterFunc(lookAgain, d.lookAgain)
		}
		for _, p := range peers {
			d.greet(p)
		}
	}
}

// target is where the kernel should send a peer's packets, and over which path if that is straight.
func (p *peer) target() (netip.AddrPort, bind.Straight) {
	active, second := p.endpoint.Paths()
	if active == nil || second != nil || !p.met.Load() {
		return p.crossing, nil
	}
	if straight, ok := bind.AsStraight(active); ok {
		return straight.Endpoint(), straight
	}
	return p.crossing, nil
}

// redirect is one transaction with nftables and one with WireGuard. It tells whether anything changed.
func (d *Device) redirect(peers []*peer) bool {
	d.change.Lock()
	defer d.change.Unlock()
	var removed, added []netip.AddrPort
	changes := []wgtypes.PeerConfig{}
	for _, p := range peers {
		target, straight := p.target()
		before := *p.told.Load()
		if d.peer(p.key) != p {
			continue
		}
		p.changeStraight(d, before, straight)
		if target == before {
			continue
		}
		if before != p.crossing {
			removed = append(removed, before)
		}
		if target != p.crossing {
			added = append(added, target)
		}
		p.told.Store(&target)
		update := p.update()
		update.Endpoint = udpAddr(target)
		changes = append(changes, update)
	}
	if len(changes) == 0 {
		return false
	}
	// The rules first: what comes over a path that is left must not be the kernel's any more when it learns
	// of the new one, or it would go back.
	if err := d.share.Straighten(removed, added); err != nil {
		d.log.Warn("rules not changed", "device", d.name, "error", err)
	}
	if err := d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: changes}); err != nil {
		d.log.Warn("paths not changed", "device", d.name, "error", err)
	}
	return true
}

func (d *Device) lookAgain() {
	select {
	case <-d.closing:
	default:
		_, _, _ = d.Counters()
	}
}
