// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// Counters reads those of all peers, and the port. On the way it puts right what is not as it should be:
// an endpoint that has roamed, and whatever another program has changed.
func (d *Device) Counters() (map[protocol.Key]tunnel.Counters, int, error) {
	d.change.Lock()
	defer d.change.Unlock()
	present, err := d.control.Device(d.name)
	if err != nil {
		return nil, 0, err
	}
	d.putRight(present)
	counters := make(map[protocol.Key]tunnel.Counters, len(present.Peers))
	for _, known := range present.Peers {
		if p := d.peer(protocol.Key(known.PublicKey)); p != nil {
			p.counted = tunnel.Counters{
				RxBytes: uint64(known.ReceiveBytes), TxBytes: uint64(known.TransmitBytes),
				LastHandshake: p.handshakes.Look(known.LastHandshakeTime, time.Now()),
			}
			counters[p.key] = p.sum()
			if !known.LastHandshakeTime.IsZero() {
				d.meet(p)
			}
		}
	}
	return counters, int(d.listenPort.Load()), nil
}

// putRight has change held.
func (d *Device) putRight(present *wgtypes.Device) {
	wanted := wgtypes.Config{}
	// The kernel keeps a private key in another form than it was given.
	if key := wgtypes.Key(d.privateKey); present.PublicKey != key.PublicKey() {
		wanted.PrivateKey = &key
	}
	if port := int(d.listenPort.Load()); present.ListenPort != port {
		wanted.ListenPort = &port
	}
	if present.FirewallMark != d.mark {
		// What the helper sends has to take the same routes as what the kernel sends.
		d.mark = present.FirewallMark
		if err := d.port.SetMark(uint32(d.mark)); err != nil {
			d.log.Warn("sockets not marked", "mark", d.mark, "error", err)
		}
	}
	seen := map[protocol.Key]bool{}
	for _, known := range present.Peers {
		key := protocol.Key(known.PublicKey)
		seen[key] = true
		if p := d.peer(key); p != nil {
			wanted.Peers = append(wanted.Peers, p.differences(known)...)
		} else if _, outlived := d.outlived[key]; !outlived {
			wanted.Peers = append(wanted.Peers, wgtypes.PeerConfig{PublicKey: known.PublicKey, Remove: true})
		}
	}
	d.mutex.RLock()
	for key, p := range d.peers {
		if !seen[key] {
			wanted.Peers = append(wanted.Peers, p.config())
		}
	}
	d.mutex.RUnlock()
	if wanted.PrivateKey == nil && wanted.ListenPort == nil && len(wanted.Peers) == 0 {
		return
	}
	d.log.Info("device put right", "device", d.name, "peers", len(wanted.Peers), "error", d.control.ConfigureDevice(d.name, wanted))
}

// differences is what has to be changed of a peer.
func (p *peer) differences(known wgtypes.Peer) (changes []wgtypes.PeerConfig) {
	update, differs := p.update(), false
	if told := *p.told.Load(); !sameEndpoint(known.Endpoint, told) {
		update.Endpoint, differs = udpAddr(told), true
	}
	if preshared := wgtypes.Key(p.preshared); known.PresharedKey != preshared {
		update.PresharedKey, differs = &preshared, true
	}
	if !sameAllowedIPs(known.AllowedIPs, p.allowedIPs) {
		changes = takeAway(known.AllowedIPs, p.allowedIPs)
		update.AllowedIPs, differs = ipNets(p.allowedIPs), true
	}
	if !differs {
		return nil
	}
	return append(changes, update)
}

func sameEndpoint(known *net.UDPAddr, told netip.AddrPort) bool {
	return known != nil && unmapped(known.AddrPort()) == told
}

func sameAllowedIPs(known []net.IPNet, wanted []netip.Prefix) bool {
	if len(known) != len(wanted) {
		return false
	}
	for _, prefix := range known {
		if !slices.Contains(wanted, prefixOf(prefix)) {
			return false
		}
	}
	return true
}
