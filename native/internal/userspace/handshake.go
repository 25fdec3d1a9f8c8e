// SPDX-License-Identifier: Apache-2.0

package userspace

import (
	"time"

	"golang.zx2c4.com/wireguard/device"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
)

// floodTime is how long a host takes no second initiation after one (wireguard-go's HandshakeInitationRate, 20 ms).
const floodTime = 25 * time.Millisecond

// Handshake starts one at once, also within the five seconds after the last one, of which the peer
// may not have heard; and again soon while nothing comes of it. One that has just led to a session, or is being
// tried, is left alone: each of WireGuard's handshakes ends the one before.
func (d *Device) Handshake(key protocol.Key) {
	endpoint := d.bind.Peer(hexOf(key))
	if endpoint == nil || endpoint.Settled() {
		return
	}
	if _, under := d.greeting.LoadOrStore(key, true); !under {
		d.greet(key, endpoint, 1)
	}
}

func (d *Device) greet(key protocol.Key, endpoint *bind.PeerEndpoint, attempt int) {
	peer := d.wireguard.LookupPeer(device.NoisePublicKey(key))
	wait, tried := bind.GreetWait(attempt)
	if peer == nil || endpoint.Settled() || !tried {
		d.greeting.Delete(key)
		return
	}
	if ago, open := endpoint.Initiated(); open && ago < floodTime {
		time.AfterFunc(floodTime-ago, func() { d.greet(key, endpoint, attempt) })
		return
	}
	peer.ExpireCurrentKeypairs()
	_ = peer.SendHandshakeInitiation(false)
	time.AfterFunc(wait, func() { d.greet(key, endpoint, attempt+1) })
}
