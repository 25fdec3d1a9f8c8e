// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"time"

	"meshgate.dev/native/internal/protocol"
)

// An Action is something for the driver to do, in the order given.
type Action interface{ action() }

// Ask sends a probe.
type Ask struct {
	Path string
	// Number is what the peer is to call that path.
	Number      uint8
	Transaction protocol.Transaction
}

// Echo sends a round trip inside the session, over the active path.
type Echo struct{}

// Handshake starts WireGuard's handshake, even if it has just tried one.
type Handshake struct{}

// Rose tells that a path is up.
type Rose struct {
	Path string
	Rtt  time.Duration
}

// Fell tells that a path that was up is down.
type Fell struct {
	Path   string
	Reason string
}

// Switch makes another path the active one; empty is none.
type Switch struct {
	From, To string
	Cause    Cause
	// Gap is how long ago the old path was last seen alive, if it is not alive now.
	Gap time.Duration
}

// Double sends all packets over a second path as well; empty ends that.
type Double struct{ Path string }

func (Double) action()    {}
func (Ask) action()       {}
func (Echo) action()      {}
func (Handshake) action() {}
func (Rose) action()      {}
func (Fell) action()      {}
func (Switch) action()    {}

// Cause is why the active path changed.
type Cause string

// The causes of a switch.
const (
	// CauseDesired: the paths, or their order, were changed by the agent.
	CauseDesired Cause = "desired"
	// CauseUp: a more wanted path came up.
	CauseUp Cause = "path-up"
	// CauseDown: the active path went down.
	CauseDown Cause = "path-down"
	// CauseDetourLoss and CauseDetourDelay: the active path is set aside, because it loses packets, or takes
	// long, and another one is clearly better.
	CauseDetourLoss  Cause = "detour-loss"
	CauseDetourDelay Cause = "detour-delay"
	// CauseDetourOver: a path that was set aside is no longer clearly worse.
	CauseDetourOver Cause = "detour-over"
)
