// SPDX-License-Identifier: Apache-2.0

package bind

import "time"

const (
	greetStart = 300 * time.Millisecond
	greetsMax  = 4
)

// GreetWait is how long the answer to a handshake is waited for, the first of a row being number one; false of one
// that is not tried any more. The waits double, so that a slow path's answer comes in time.
func GreetWait(attempt int) (wait time.Duration, tried bool) {
	if attempt < 1 || attempt > greetsMax {
		return 0, false
	}
	return greetStart << (attempt - 1), true
}
