// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"time"

	"meshgate.dev/native/internal/protocol"
)

const reasonServer = "the TURN server has no allocation for us"

// Server tells whether there is an allocation on a TURN server. It is to paths over it what a hub's
// direct path is to paths over the hub.
func (prober *Prober) Server(server string, usable bool, now time.Time) []Action {
	over := func(path protocol.Path) bool { return path.Kind == protocol.KindTurn && path.Server == server }
	return prober.hold(over, usable, reasonServer, now)
}
