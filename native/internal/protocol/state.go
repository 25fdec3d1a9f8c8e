// SPDX-License-Identifier: Apache-2.0

package protocol

import "net/netip"

// The engines: wireguard-go inside the helper, and the kernel's own WireGuard.
const (
	EngineUserspace = "userspace"
	EngineKernel    = "kernel"
)

// Hello answers `hello`.
type Hello struct {
	Protocol     int    `json:"protocol"`
	Helper       string `json:"helper"`
	Engine       string `json:"engine"`
	EngineReason string `json:"engineReason"`
	Instance     string `json:"instance"`
	// Features are named in PROTOCOL.md.
	Features []string `json:"features"`
}

// Applied answers `apply`.
type Applied struct {
	Generation int      `json:"generation"`
	Changed    []string `json:"changed"`
}

// Echoed answers `echo`.
type Echoed struct {
	RttUs int64  `json:"rttUs"`
	Path  string `json:"path"`
	// Endpoint is null over a data channel.
	Endpoint *netip.AddrPort `json:"endpoint"`
}

// Measured answers `measure`.
type Measured struct {
	RttUs int64 `json:"rttUs"`
}

// State answers `state`.
type State struct {
	Instance   string `json:"instance"`
	Engine     string `json:"engine"`
	Generation int    `json:"generation"`
	// Restored tells that this start of the helper went on with what an earlier one kept.
	Restored bool `json:"restored"`
	// Takeover is null where there was no earlier one.
	Takeover *Takeover    `json:"takeover"`
	Device   *DeviceState `json:"device"`
	Routes   []Route      `json:"routes"`
	Links    []Link       `json:"links"`
	Relayed  Relayed      `json:"relayed"`
	Turn     []TurnState  `json:"turn"`
	Peers    []PeerState  `json:"peers"`
	// Names is null where nobody asked for them.
	Names *NamesState `json:"names"`
}

// Takeover is what of an earlier start's this one has.
type Takeover struct {
	// Device tells that the interface is the same one, with its addresses and routes.
	Device bool `json:"device"`
	// Sessions tells that those of the peers went on; else they were shaken hands for anew.
	Sessions bool `json:"sessions"`
	// Sockets are the punched ones that are the same.
	Sockets int `json:"sockets"`
}

// Relayed is what this host has done as a hub since its start.
type Relayed struct {
	// Frames and Bytes were passed on.
	Frames uint64 `json:"frames"`
	Bytes  uint64 `json:"bytes"`
	// Dropped were in order, but there was no way on, or too many of them.
	Dropped uint64 `json:"dropped"`
	// Refused were not in order, or nobody's that is known.
	Refused uint64 `json:"refused"`
}

// DeviceState is the device as it is.
type DeviceState struct {
	Name       string         `json:"name"`
	Index      int            `json:"index"`
	MTU        int            `json:"mtu"`
	ListenPort int            `json:"listenPort"`
	PublicKey  Key            `json:"publicKey"`
	Addresses  []netip.Prefix `json:"addresses"`
	StunServer bool           `json:"stunServer"`
	Relay      bool           `json:"relay"`
}

// A Link is another interface of the host.
type Link struct {
	Name      string         `json:"name"`
	Index     int            `json:"index"`
	Up        bool           `json:"up"`
	MTU       int            `json:"mtu"`
	Addresses []netip.Prefix `json:"addresses"`
	// Spares are those of its addresses from which packets can leave the host if they are asked to: another
	// link has the default route that the kernel takes.
	Spares []netip.Addr `json:"spares,omitempty"`
	// Tunnel is whether what leaves by it goes into other packets, which leave by another link.
	Tunnel bool `json:"tunnel,omitempty"`
}

// PeerState is a peer as it is.
type PeerState struct {
	PublicKey       Key            `json:"publicKey"`
	AllowedIPs      []netip.Prefix `json:"allowedIps"`
	KeepaliveMs     int            `json:"keepaliveMs"`
	RxBytes         uint64         `json:"rxBytes"`
	TxBytes         uint64         `json:"txBytes"`
	LastHandshakeMs *int64         `json:"lastHandshakeMs"`
	ActivePath      *string        `json:"activePath"`
	Session         Session        `json:"session"`
	Paths           []PathState    `json:"paths"`
}

// A Session is the last in-session echo that came back.
type Session struct {
	RttUs *int64 `json:"rttUs"`
	AgeMs *int64 `json:"ageMs"`
}

// PathState is a path as it is.
type PathState struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// Endpoint is where packets leave for: the peer, the first hub or the TURN server. It is null
	// while they cannot, and over a data channel.
	Endpoint *netip.AddrPort `json:"endpoint"`
	Via      []Key           `json:"via"`
	Server   *string         `json:"server"`
	// Socket is the punched socket that it leaves from, by its port, or null.
	Socket *int `json:"socket"`
	// Source is the address of ours that it leaves from, if that is asked for.
	Source       *netip.Addr `json:"source,omitempty"`
	Up           bool        `json:"up"`
	Carries      *bool       `json:"carries"`
	RttUs        *int64      `json:"rttUs"`
	LossPermille int         `json:"lossPermille"`
	LastReplyMs  *int64      `json:"lastReplyMs"`
}
