// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

const (
	// quietTime is how long the kernel sends no second handshake after one that nobody has answered.
	quietTime = 5 * time.Second
	// answerTime is how long a handshake is waited for before another one may be forced.
	answerTime = time.Second
	// sessionTime is WireGuard's Reject-After-Time.
	sessionTime = 180 * time.Second
)

// Handshake starts one soon, and again while nothing comes of it. Who asks for it has packets to receive, and
// cannot wait for the kernel.
func (d *Device) Handshake(key protocol.Key) {
	if p := d.peer(key); p != nil && !p.endpoint.Settled() && p.greets.CompareAndSwap(0, 1) {
		d.steering.put(p)
	}
}

// meet lets the kernel do without the helper.
func (d *Device) meet(p *peer) {
	if p.met.CompareAndSwap(false, true) {
		d.steering.put(p)
	}
}

// greet starts a handshake, unless it is too early, or something has come of the last one.
func (d *Device) greet(p *peer) {
	d.change.Lock()
	defer d.change.Unlock()
	now, attempt := time.Now(), p.greets.Load()
	wait, tried := bind.GreetWait(int(attempt))
	switch {
	case attempt == 0 || now.Before(p.greetAt):
		return
	case !tried || d.peer(p.key) != p || p.endpoint.Settled() || d.hasJustMet(p, now):
		p.greets.Store(0)
		return
	}
	if err := d.startHandshake(p, now); err != nil {
		d.log.Warn("no handshake", "peer", p.key, "error", err)
	}
	p.greetAt = now.Add(wait)
	p.greets.Add(1)
	time.AfterFunc(wait, func() { d.steering.put(p) })
}

// hasJustMet asks the kernel, which tells nobody of its handshakes.
func (d *Device) hasJustMet(p *peer, now time.Time) bool {
	present, err := d.control.Device(d.name)
	if err != nil {
		return false
	}
	for _, known := range present.Peers {
		if protocol.Key(known.PublicKey) == p.key {
			p.counted.LastHandshake = p.handshakes.Look(known.LastHandshakeTime, now)
		}
	}
	return now.Sub(p.counted.LastHandshake) < bind.SettleTime
}

// startHandshake starts one at once. The kernel has no call for that. It says something to a peer that gets
// keepalives for the first time, and makes a handshake for that; but not within five seconds after the
// last one, if only nobody has heard that. Only a peer that is made anew has no such past. Of its sessions
// there are none then, or they would have been used.
func (d *Device) startHandshake(p *peer, now time.Time) error {
	on, off := p.update(), p.update()
	pace, never := 20*time.Second, time.Duration(0)
	on.PersistentKeepaliveInterval, off.PersistentKeepaliveInterval = &pace, &never
	changes := []wgtypes.PeerConfig{on, off}
	hasSession := now.Sub(p.counted.LastHandshake) < sessionTime
	ago, ever := p.initiatedAt.Ago()
	waits := ever && ago < quietTime
	if !hasSession && waits && now.Sub(p.madeAt) >= answerTime {
		anew := p.config()
		anew.PersistentKeepaliveInterval = &pace
		changes = []wgtypes.PeerConfig{{PublicKey: wgtypes.Key(p.key), Remove: true}, anew, off}
		p.madeAt = now
		p.earlier, p.counted = p.sum(), tunnel.Counters{}
	}
	return d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: changes})
}

// sum is what the peer has carried in all its lives.
func (p *peer) sum() tunnel.Counters {
	return tunnel.Counters{
		RxBytes: p.earlier.RxBytes + p.counted.RxBytes, TxBytes: p.earlier.TxBytes + p.counted.TxBytes,
		LastHandshake: p.counted.LastHandshake,
	}
}
