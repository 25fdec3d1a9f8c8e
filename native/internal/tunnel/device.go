// SPDX-License-Identifier: Apache-2.0

// Package tunnel is what every engine of WireGuard does for the helper. The engines know nothing of why:
// which paths a peer has, which of them is in use and what is proven of it is the same for all.
package tunnel

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
)

// What may stand in the way of a device.
var (
	ErrNameTaken  = errors.New("an interface of this name exists")
	ErrTunMissing = errors.New("the kernel offers no TUN devices")
)

// A Config is what a device cannot be without.
type Config struct {
	Name       string
	MTU        int
	ListenPort int
	PrivateKey protocol.Key
	// Peers are those that will be added, or are there already on a device that outlived its helper.
	Peers []protocol.Key
}

// An Engine makes devices.
type Engine interface {
	// Name is what the protocol calls it.
	Name() string
	// Open makes the interface, and the sockets of the one port. An interface that is not ours is never
	// taken over.
	Open(config Config, port *bind.Bind, log *slog.Logger) (Device, error)
	// Release removes what an earlier helper has left and Open has not taken over.
	Release()
}

// A Device is one interface of WireGuard and the port that it shares with everything else that the
// helper says. Its methods may be called from anywhere.
type Device interface {
	// SetPrivateKey expires all sessions.
	SetPrivateKey(key protocol.Key) error
	// SetListenPort opens the port anew. If it fails there is none.
	SetListenPort(port int) error

	// AddPeer makes a peer whose ciphertext goes where its endpoint says: over the path in use, and over a
	// second one while there is one. Both may change at any time, without a new handshake.
	// If the peer has outlived the helper before, it tells where its packets leave for.
	AddPeer(peer *protocol.Peer, endpoint *bind.PeerEndpoint) (was netip.AddrPort, err error)
	// RemovePeer ends the session.
	RemovePeer(peer protocol.Key) error
	// SetPresharedKey counts from the next handshake on.
	SetPresharedKey(peer, key protocol.Key) error
	// SetAllowedIPs changes only those that differ, so that no packet meets an empty list.
	SetAllowedIPs(peer protocol.Key, before, after []netip.Prefix) error

	// Handshake starts one at once, also within the five seconds after the last one, of which the peer
	// may not have heard.
	Handshake(peer protocol.Key)
	// Tally brings what is counted of a peer's packets, on its paths and at its arrivals, up to now. It
	// must not wait.
	Tally(peer protocol.Key)
	// Counters are those of all peers, and the port.
	Counters() (map[protocol.Key]Counters, int, error)

	// TellsApart tells whether it is known of what comes straight to which address of ours it came.
	TellsApart() bool
	// Apart names the addresses of ours from which paths leave, in order: at these, it has to be known.
	Apart(addresses []netip.Addr) error

	// Outlived tells whether the interface is that of an earlier helper, with its addresses and routes, and whether
	// the sessions of its peers are, too.
	Outlived() (device, sessions bool)
	// Gone closes when the device is no more, for instance because somebody has deleted the interface.
	Gone() <-chan struct{}
	// Close removes the interface.
	Close()
}

// Counters are what WireGuard itself knows of a peer. The zero time is never.
type Counters struct {
	RxBytes       uint64
	TxBytes       uint64
	LastHandshake time.Time
}
