// SPDX-License-Identifier: Apache-2.0

package protocol

import "net/netip"

// An Event is the params of a notification, and knows the method that carries it.
type Event interface {
	Method() string
	// Droppable says that a connection that is too slow may miss it.
	Droppable() bool
}

// Datagram is a STUN message that the helper does not answer itself.
type Datagram struct {
	From    netip.AddrPort `json:"from"`
	Payload []byte         `json:"payload"`
}

// ProbeReply tells that a `probe` was answered.
type ProbeReply struct {
	Peer        Key            `json:"peer"`
	Endpoint    netip.AddrPort `json:"endpoint"`
	Transaction Transaction    `json:"transaction"`
	RttUs       int64          `json:"rttUs"`
	Observed    netip.AddrPort `json:"observed"`
}

// ProbeHeard tells that a genuine probe of a peer arrived.
type ProbeHeard struct {
	Peer Key            `json:"peer"`
	From netip.AddrPort `json:"from"`
	// Server is the TURN server that it came over, or null.
	Server *string `json:"server"`
}

// SearchEnded tells what became of a search.
type SearchEnded struct {
	Peer Key `json:"peer"`
	// Transaction is left out where the agent gave none.
	Transaction *Transaction `json:"transaction,omitempty"`
	Result      string       `json:"result"`
	// Sockets were opened, and Probes sent.
	Sockets int `json:"sockets"`
	Probes  int `json:"probes"`
	// Endpoint is where the peer was found, and Socket the one that it was found from, or null.
	Endpoint *netip.AddrPort `json:"endpoint"`
	Socket   *int            `json:"socket"`
}

// How a search may end.
const (
	SearchFound   = "found"
	SearchNothing = "nothing"
	SearchStopped = "stopped"
)

// PathUp tells that a probe on a path was answered.
type PathUp struct {
	Peer  Key    `json:"peer"`
	Path  string `json:"path"`
	RttUs int64  `json:"rttUs"`
}

// PathDown tells that a path that was up no longer answers.
type PathDown struct {
	Peer   Key    `json:"peer"`
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Switched tells that another path carries the traffic now.
type Switched struct {
	Peer  Key     `json:"peer"`
	From  *string `json:"from"`
	To    *string `json:"to"`
	Cause string  `json:"cause"`
	GapMs int64   `json:"gapMs"`
}

// LinksChanged gives the host's links as they are now.
type LinksChanged struct {
	Links []Link `json:"links"`
}

// Stats gives peers and TURN servers whose numbers changed.
type Stats struct {
	Peers []PeerState `json:"peers"`
	Turn  []TurnState `json:"turn"`
}

// NamesChanged tells that names began to resolve, or why they do not.
type NamesChanged struct{ NamesState }

// DeviceLost tells that the device vanished and is made again.
type DeviceLost struct {
	Reason string `json:"reason"`
}

func (Datagram) Method() string     { return "datagram" }
func (ProbeReply) Method() string   { return "probe-reply" }
func (ProbeHeard) Method() string   { return "probe-heard" }
func (SearchEnded) Method() string  { return "search-ended" }
func (PathUp) Method() string       { return "path-up" }
func (PathDown) Method() string     { return "path-down" }
func (Switched) Method() string     { return "switched" }
func (LinksChanged) Method() string { return "links-changed" }
func (Stats) Method() string        { return "stats" }
func (NamesChanged) Method() string { return "names-changed" }
func (DeviceLost) Method() string   { return "device-lost" }

func (Datagram) Droppable() bool     { return true }
func (ProbeReply) Droppable() bool   { return false }
func (ProbeHeard) Droppable() bool   { return true }
func (SearchEnded) Droppable() bool  { return false }
func (PathUp) Droppable() bool       { return false }
func (PathDown) Droppable() bool     { return false }
func (Switched) Droppable() bool     { return false }
func (LinksChanged) Droppable() bool { return false }
func (Stats) Droppable() bool        { return true }
func (NamesChanged) Droppable() bool { return false }
func (DeviceLost) Droppable() bool   { return false }
