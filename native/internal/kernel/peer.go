// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/moment"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// A peer is one as the kernel should have it.
type peer struct {
	key      protocol.Key
	endpoint *bind.PeerEndpoint
	// crossing is the address of the loopback network that stands for the peer.
	crossing netip.AddrPort
	slot     int
	// told is the endpoint that the kernel has been given; packets are brought to it as if they came from there.
	told atomic.Pointer[netip.AddrPort]

	// The rest is guarded by change.
	preshared  protocol.Key
	allowedIPs []netip.Prefix
	// earlier is what was counted before the peer was last made anew.
	earlier tunnel.Counters
	counted tunnel.Counters
	// handshakes are what the kernel says of them.
	handshakes moment.Told
	madeAt     time.Time
	// greetAt is when a handshake may next be started at somebody's wish.
	greetAt time.Time

	// met tells that there has been a session. Until then handshakes pass the port, where two that cross are
	// kept from undoing each other; from then on the kernel does without the helper.
	met atomic.Bool
	// greets numbers the handshakes that are started at somebody's wish until something comes of one; zero is none.
	greets atomic.Int32

	tallying  sync.Mutex
	talliedAt time.Time
	straight  bind.Straight
	seen      struct{ in, out bind.Sent }
	// initiatedAt is when the kernel was last seen to send a handshake.
	initiatedAt moment.Noted
}

// AddPeer makes a peer, or takes over what an earlier helper has left of it.
func (d *Device) AddPeer(spec *protocol.Peer, endpoint *bind.PeerEndpoint) (was netip.AddrPort, err error) {
	d.change.Lock()
	defer d.change.Unlock()
	p := &peer{
		key: spec.PublicKey, endpoint: endpoint, preshared: spec.PresharedKey,
		allowedIPs: slices.Clone(spec.AllowedIPs), madeAt: time.Now(),
	}
	d.enter(p)
	known, outlived := d.outlived[p.key]
	if outlived && known.Endpoint != nil {
		was = unmapped(known.Endpoint.AddrPort())
		if was.Addr().IsLoopback() {
			was = netip.AddrPort{}
		}
	}
	told := p.crossing
	// Raw sockets see only heads of what the kernel gets.
	p.met.Store(d.headsOnly || outlived && time.Since(known.LastHandshakeTime) < sessionTime)
	if was.IsValid() {
		told = was
		err = d.share.Straighten(nil, []netip.AddrPort{was})
	}
	p.told.Store(&told)
	if err == nil {
		changes := []wgtypes.PeerConfig{p.config()}
		if outlived {
			changes = append(takeAway(known.AllowedIPs, p.allowedIPs), changes...)
		}
		err = d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: changes})
	}
	if err != nil {
		d.leave(p)
		return was, err
	}
	delete(d.outlived, p.key)
	endpoint.Watch(func() { d.steering.put(p) })
	d.steering.put(p)
	return was, nil
}

// config is all of a peer.
func (p *peer) config() wgtypes.PeerConfig {
	preshared := wgtypes.Key(p.preshared)
	return wgtypes.PeerConfig{
		PublicKey: wgtypes.Key(p.key), PresharedKey: &preshared,
		Endpoint: udpAddr(*p.told.Load()), AllowedIPs: ipNets(p.allowedIPs),
	}
}

// update is a change of a peer that exists.
func (p *peer) update() wgtypes.PeerConfig {
	return wgtypes.PeerConfig{PublicKey: wgtypes.Key(p.key), UpdateOnly: true}
}

// enter gives a peer its place.
func (d *Device) enter(p *peer) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	p.slot = slices.Index(d.slots, nil)
	if p.slot < 0 {
		p.slot = len(d.slots)
		d.slots = append(d.slots, nil)
	}
	d.slots[p.slot] = p
	p.crossing = d.loop.addressOf(p.slot)
	d.peers[p.key], d.byEndpoint[p.endpoint] = p, p
}

func (d *Device) leave(p *peer) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.slots[p.slot] = nil
	delete(d.peers, p.key)
	delete(d.byEndpoint, p.endpoint)
}

// RemovePeer ends the session.
func (d *Device) RemovePeer(key protocol.Key) error {
	d.change.Lock()
	defer d.change.Unlock()
	p := d.peer(key)
	if p == nil {
		return nil
	}
	d.leave(p)
	if told := *p.told.Load(); told != p.crossing {
		if err := d.share.Straighten([]netip.AddrPort{told}, nil); err != nil {
			d.log.Warn("rules not changed", "peer", key, "error", err)
		}
	}
	return d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: []wgtypes.PeerConfig{
		{PublicKey: wgtypes.Key(key), Remove: true},
	}})
}

func (d *Device) peer(key protocol.Key) *peer {
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	return d.peers[key]
}

// SetPresharedKey counts from the next handshake on.
func (d *Device) SetPresharedKey(key, preshared protocol.Key) error {
	d.change.Lock()
	defer d.change.Unlock()
	p := d.peer(key)
	if p == nil {
		return nil
	}
	p.preshared = preshared
	update := p.update()
	update.PresharedKey = (*wgtypes.Key)(&preshared)
	return d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: []wgtypes.PeerConfig{update}})
}

// SetAllowedIPs changes only those that differ.
func (d *Device) SetAllowedIPs(key protocol.Key, before, after []netip.Prefix) error {
	d.change.Lock()
	defer d.change.Unlock()
	p := d.peer(key)
	if p == nil {
		return nil
	}
	p.allowedIPs = slices.Clone(after)
	update := p.update()
	update.AllowedIPs = ipNets(after)
	changes := append(takeAway(ipNets(before), after), update)
	return d.control.ConfigureDevice(d.name, wgtypes.Config{Peers: changes})
}

// takeAway removes prefixes from whomever they belong to, and touches no others. The kernel of today knows
// only how to replace a peer's whole list, which is empty for a moment; but a prefix leaves one peer when
// another gets it. That other one goes at once.
func takeAway(present []net.IPNet, wanted []netip.Prefix) []wgtypes.PeerConfig {
	gone := []net.IPNet{}
	for _, prefix := range present {
		if !slices.Contains(wanted, prefixOf(prefix)) {
			gone = append(gone, prefix)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	var nobody wgtypes.Key
	_, _ = rand.Read(nobody[:])
	return []wgtypes.PeerConfig{{PublicKey: nobody, AllowedIPs: gone}, {PublicKey: nobody, Remove: true}}
}

// SetPrivateKey expires all sessions.
func (d *Device) SetPrivateKey(key protocol.Key) error {
	d.change.Lock()
	defer d.change.Unlock()
	d.privateKey = key
	return d.control.ConfigureDevice(d.name, wgtypes.Config{PrivateKey: (*wgtypes.Key)(&key)})
}

// SetListenPort moves WireGuard and what shares its port.
func (d *Device) SetListenPort(port int) error {
	d.change.Lock()
	defer d.change.Unlock()
	if err := d.control.ConfigureDevice(d.name, wgtypes.Config{ListenPort: &port}); err != nil {
		return err
	}
	if err := d.share.Move(uint16(port)); err != nil {
		return fmt.Errorf("sharing port %d: %w", port, err)
	}
	d.listenPort.Store(uint32(port))
	return nil
}

func udpAddr(address netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(address) }

func unmapped(address netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port())
}

func ipNets(prefixes []netip.Prefix) []net.IPNet {
	list := make([]net.IPNet, 0, len(prefixes))
	for _, prefix := range prefixes {
		address := prefix.Addr()
		list = append(list, net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(prefix.Bits(), address.BitLen())})
	}
	return list
}

func prefixOf(ipNet net.IPNet) netip.Prefix {
	address, _ := netip.AddrFromSlice(ipNet.IP)
	bits, _ := ipNet.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), bits)
}
