// SPDX-License-Identifier: Apache-2.0

// Package turn keeps allocations on TURN servers (RFC 8656): addresses on the internet at which a
// host can be reached although no member can reach it, and ways out for a host whose UDP is blocked.
//
// An Allocation is kept for as long as it is open, over as many connections as that takes. Requests
// and their retransmission are pion's; its data path is not used, because it allocates for every
// packet and tells a failed refresh to its log only. Datagrams travel as ChannelData, which adds four
// bytes to each.
package turn

import "meshgate.dev/native/internal/fwmark"

// A Transport is how the server is spoken to. Between server and peers it is always UDP.
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
)

// A Server is where to allocate, and as whom.
type Server struct {
	Transport Transport
	// Host is a name or an address; with TLS it is what the certificate must be for.
	Host string
	Port uint16
	// CAFile replaces the system's roots, unless it is empty.
	CAFile      string
	Credentials Credentials
	// Mark is what the sockets towards it bear; nil is none.
	Mark *fwmark.Mark
}
