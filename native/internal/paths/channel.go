// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"time"

	"meshgate.dev/native/internal/protocol"
)

const reasonChannel = "there is no data channel to the peer"

// Channel tells whether a data channel to the peer stands. It is to a path over it what a hub's direct
// path is to paths over the hub.
func (prober *Prober) Channel(open bool, now time.Time) []Action {
	over := func(path protocol.Path) bool { return path.Kind == protocol.KindChannel }
	return prober.hold(over, open, reasonChannel, now)
}
