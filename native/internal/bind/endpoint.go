// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"golang.zx2c4.com/wireguard/conn"
)

// A Path carries ciphertext to one peer.
type Path interface {
	// Send sends a batch, which is the caller's again when it returns.
	Send(packets [][]byte) error
	// Endpoint is the transport address that the ciphertext leaves for; it is invalid if there is none.
	Endpoint() netip.AddrPort
	// Sent is what has left over it.
	Sent() Sent
}

// ErrNoPath says that nothing is known of where a peer is.
var ErrNoPath = errors.New("no path to the peer")

// A PeerEndpoint is where wireguard-go sends a peer's ciphertext for as long as the peer exists. The
// path behind it changes with one store: no lock, no configuration call and no handshake.
type PeerEndpoint struct {
	active atomic.Pointer[Path]
	second atomic.Pointer[Path]
	moved  atomic.Pointer[func()]
	// resting is whom to tell of the next packet.
	resting atomic.Pointer[func()]

	greeting greeting
}

var _ conn.Endpoint = (*PeerEndpoint)(nil)

// Use makes a path the active one; nil is none.
func (endpoint *PeerEndpoint) Use(path Path) { endpoint.put(&endpoint.active, path) }

// Double sends everything over a second path as well; nil ends that. WireGuard's replay window drops
// the copy that comes second.
func (endpoint *PeerEndpoint) Double(path Path) { endpoint.put(&endpoint.second, path) }

// Watch makes every change known, to an engine whose packets do not ask here for their way. What it calls
// must not wait.
func (endpoint *PeerEndpoint) Watch(moved func()) { endpoint.moved.Store(&moved) }

// Rest says that nothing is sent for now, and whom the next packet wakes. It is told once, on the
// goroutine that sends.
func (endpoint *PeerEndpoint) Rest(woken func()) { endpoint.resting.Store(&woken) }

func (endpoint *PeerEndpoint) wake() {
	if endpoint.resting.Load() == nil {
		return
	}
	if woken := endpoint.resting.Swap(nil); woken != nil {
		(*woken)()
	}
}

func (endpoint *PeerEndpoint) put(place *atomic.Pointer[Path], path Path) {
	if path == nil {
		place.Store(nil)
	} else {
		place.Store(&path)
	}
	if moved := endpoint.moved.Load(); moved != nil {
		(*moved)()
	}
}

// Active is the path in use, or nil.
func (endpoint *PeerEndpoint) Active() Path {
	if path := endpoint.active.Load(); path != nil {
		return *path
	}
	return nil
}

// Paths are the one in use and the second one; each may be nil.
func (endpoint *PeerEndpoint) Paths() (active, second Path) {
	if path := endpoint.second.Load(); path != nil {
		second = *path
	}
	return endpoint.Active(), second
}

func (endpoint *PeerEndpoint) send(packets [][]byte) error {
	path := endpoint.active.Load()
	if path == nil {
		return ErrNoPath
	}
	endpoint.wake()
	endpoint.greeting.left(packets[0])
	if second := endpoint.second.Load(); second != nil {
		// Whether that works is what is to be seen; it is nothing to complain of.
		_ = (*second).Send(packets)
	}
	return (*path).Send(packets)
}

func (endpoint *PeerEndpoint) destination() netip.AddrPort {
	if path := endpoint.Active(); path != nil {
		return path.Endpoint()
	}
	return netip.AddrPort{}
}

// ClearSrc does nothing: the kernel chooses the source of every datagram.
func (endpoint *PeerEndpoint) ClearSrc() {}

// SrcToString is empty for the same reason.
func (endpoint *PeerEndpoint) SrcToString() string { return "" }

// SrcIP is invalid for the same reason.
func (endpoint *PeerEndpoint) SrcIP() netip.Addr { return netip.Addr{} }

// DstToString is what `wg show` prints; it is empty without a path.
func (endpoint *PeerEndpoint) DstToString() string {
	destination := endpoint.destination()
	if !destination.IsValid() {
		return ""
	}
	return destination.String()
}

// DstToBytes is the active path's address.
func (endpoint *PeerEndpoint) DstToBytes() []byte {
	text, _ := endpoint.destination().MarshalBinary()
	return text
}

// DstIP is the active path's address.
func (endpoint *PeerEndpoint) DstIP() netip.Addr { return endpoint.destination().Addr() }
