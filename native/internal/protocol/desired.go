// SPDX-License-Identifier: Apache-2.0

// Package protocol is the language of the helper's socket, as PROTOCOL.md defines it: requests,
// documents, events and errors, read strictly and completely before anything acts on them.
package protocol

import (
	"net/netip"
	"slices"
)

// Desired is what should exist. A nil Device tears everything down.
type Desired struct {
	Device *Device
	Turn   []TurnServer
	// Firewall is nil if everything is let in.
	Firewall *Firewall
	Routes   []Route
	Peers    []Peer
	// LateFrom are prefixes that this host speaks for and that may be another gateway's by now, to some: what leaves from
	// them is sent a second time.
	LateFrom []netip.Prefix
	// Names are nil where nobody asked for them.
	Names *Names
}

// A Device is the one WireGuard interface.
type Device struct {
	Name       string
	MTU        int
	ListenPort int
	PrivateKey Key
	ProbeKey   Key
	Addresses  []netip.Prefix
	StunServer bool
	// Relay is set if the host forwards frames for others.
	Relay bool
}

// A Route leads to a destination over the device. MTU 0 means the device's.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	MTU         int          `json:"mtu,omitempty"`
}

// A Peer is another member of the mesh. A zero PresharedKey means none, as in WireGuard itself.
type Peer struct {
	PublicKey    Key
	PresharedKey Key
	ProbeKey     Key
	AllowedIPs   []netip.Prefix
	// LateIPs belong to another peer, and this one may still answer from them.
	LateIPs     []netip.Prefix
	EchoAddress netip.Addr
	KeepaliveMs int
	// Duplicate sends every packet over the two best paths.
	Duplicate bool
	Paths     []Path
}

// A Path is one way for ciphertext to reach a peer.
type Path struct {
	ID   string
	Kind string
	// Server is the id of the TURN server that a path leads over.
	Server string
	// Endpoint is the peer's own address: where a direct path leads, or where a server sends on to.
	Endpoint netip.AddrPort
	// Socket is the punched socket that a direct path leaves from, by its port; 0 is the one port.
	Socket int
	// Source is the address of ours that a direct path leaves from, where the host has several uplinks; the zero
	// address is the kernel's choice.
	Source netip.Addr
	// Via are the public keys of a relayed path's hubs.
	Via []Key
}

// Equal tells whether two paths are the same way under the same name.
func (path Path) Equal(other Path) bool {
	return path.ID == other.ID && path.Kind == other.Kind && path.Endpoint == other.Endpoint &&
		path.Server == other.Server && path.Socket == other.Socket && path.Source == other.Source && slices.Equal(path.Via, other.Via)
}

// The kinds of path.
const (
	// KindDirect is a path straight to the peer's own address.
	KindDirect = "direct"
	// KindRelay is a path over one or two hubs.
	KindRelay = "relay"
	// KindTurn is a path over a TURN server.
	KindTurn = "turn"
	// KindChannel is a path over a data channel that a carrier holds.
	KindChannel = "channel"
)

// Bounds of a desired document.
const (
	PeersMax           = 4096
	PathsPerPeerMax    = 8
	HubsPerPathMax     = 2
	PrefixesPerPeerMax = 256
	RoutesMax          = 16_384
	AddressesMax       = 16
	PathIDLengthMax    = 96
	NameLengthMax      = 15
	TurnServersMax     = 8
	TurnTextLengthMax  = 512
	MTUMin             = 576
	MTUMinIPv6         = 1280
	MTUMax             = 65535
	KeepaliveMsMin     = 1_000
	KeepaliveMsMax     = 600_000
)
