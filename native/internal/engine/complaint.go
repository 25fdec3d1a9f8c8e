// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"log/slog"
	"time"

	"meshgate.dev/native/internal/protocol"
)

const (
	// complaintPace is how often a hub says at most that others misbehave.
	complaintPace = time.Minute
	// refusedMin and droppedMin, in one look, are no accident: keys and paths change now and then, and a few
	// frames are on their way then.
	refusedMin = 10
	droppedMin = 1_000
)

// A complaint tells an operator what the counters of a hub mean, without a line for each frame.
type complaint struct {
	seen              protocol.Relayed
	refused, dropped  uint64
	saidRef, saidDrop time.Time
}

// look takes the counters of now. What is said is the sum since it was last said.
func (c *complaint) look(now protocol.Relayed, from string, at time.Time, log *slog.Logger) {
	refused, dropped := now.Refused-c.seen.Refused, now.Dropped-c.seen.Dropped
	c.seen = now
	c.refused += refused
	c.dropped += dropped
	if refused >= refusedMin && at.Sub(c.saidRef) >= complaintPace {
		log.Warn("relay frames were refused: whoever sent them may not, or they were altered on the way",
			"frames", c.refused, "lastFrom", from)
		c.refused, c.saidRef = 0, at
	}
	if dropped >= droppedMin && at.Sub(c.saidDrop) >= complaintPace {
		log.Warn("relay frames were not passed on: there is no way to whom they are for, or there are too many of them",
			"frames", c.dropped, "lastFrom", from)
		c.dropped, c.saidDrop = 0, at
	}
}
