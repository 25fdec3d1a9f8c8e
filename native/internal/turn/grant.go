// SPDX-License-Identifier: Apache-2.0

package turn

import "time"

// A grant is what one session has of something that has to be asked for, and asked for again.
type grant struct {
	session uint64
	at      time.Time
	refused bool
}

// dueAt is when to ask.
func (g *grant) dueAt(session uint64, now time.Time, pace pace) time.Time {
	switch {
	case g.session != session:
		return now
	case g.refused:
		return g.at.Add(pace.again)
	}
	return g.at.Add(pace.renew)
}

func (g *grant) settle(session uint64, now time.Time, err error) {
	*g = grant{session: session, at: now, refused: err != nil}
}
