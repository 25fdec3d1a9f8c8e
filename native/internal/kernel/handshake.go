// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

const (
	// quietTime is how long the kernel sends no second handshake after one that nobody has answered.
	quietTime = 5 * time.Second
	// greetPace is the wait between two that are started at somebody's wish.
	greetPace = 500 * time.Millisecond
	// answerTime is how long a handshake is waited for before another one may be forced.
	answerTime = time.Second
	// sessionTime is WireGuard's Reject-After-Time.
	sessionTime = 180 * time.Second
)

// Handshake starts one soon. Who asks for it has packets to receive, and cannot wait for the kernel.
func (d *Device) Handshake(key protocol.Key) {
	if p := d.peer(key); p != nil && p.greet.CompareAndSwap(false, true) {
		d.steering.put(p)
	}
}

// startHandshake starts one at once. The kernel has no call for that. It says something to a peer that gets
// keepalives for the first time, and makes a handshake for that; but not within five seconds after the
// last one, if only nobody has heard that. Only a peer that is made anew has no such past. Of its sessions
// there are none then, or they would have been used.
func (d *Device) startHandshake(p *peer) {
	d.change.Lock()
	defer d.change.Unlock()
	now := time.Now()
	if d.peer(p.key) != p || now.Sub(p.greetedAt) < greetPace {
		return
	}
	p.greetedAt = now
	on, off := p.update(), p.update()
	pace, never := 20*time.Second, time.Duration(0)
	on.PersistentKeepaliveInterval, off.PersistentKeepaliveInterval = &pace, &never
	changes := []wgtypes.PeerConfig{on, off}
	hasSession := now.Sub(p.counted.LastHandshake) < sessionTime
	waits := now.Sub(time.Unix(0, p.initiatedAt.Load())) < quietTime
	if !hasSession && waits && now.Sub(p.madeAt) >= answerTime {
		anew := p.config()
		anew.PersistentKeepaliveInterval = &pace
		changes = []wgtypes.PeerConfig{{PublicKey: wgtypes.Key(p.key), Remove: true}, anew, off}
		p.madeAt = now
		p.earlier, p.counted = p.sum(), tunnel.Counters{}
	}
	if err := d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: changes}); err != nil {
		d.log.Warn("no handshake", "peer", p.key, "error", err)
	}
}

// sum is what the peer has carried in all its lives.
func (p *peer) sum() tunnel.Counters {
	return tunnel.Counters{
		RxBytes: p.earlier.RxBytes + p.counted.RxBytes, TxBytes: p.earlier.TxBytes + p.counted.TxBytes,
		LastHandshake: p.counted.LastHandshake,
	}
}
