// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"net/netip"
	"time"
)

// A State is what an allocation is.
type State string

// The states.
const (
	// Connecting: no attempt has failed since the last success.
	Connecting State = "connecting"
	Up         State = "up"
	// Failed: the last attempt failed; there will be others.
	Failed State = "failed"
)

// A Status is what there is to know of an allocation.
type Status struct {
	State State
	// Cause is why the last allocation was lost or the last attempt failed; empty while up.
	Cause Cause
	// Detail says the same to a person, and may quote the server.
	Detail string
	// Relayed is where peers find this host; invalid unless up.
	Relayed netip.AddrPort
	// Server is the server's address; invalid until it is known.
	Server netip.AddrPort
	// Rtt is the last round trip to the server; zero until there was one.
	Rtt time.Duration
}
