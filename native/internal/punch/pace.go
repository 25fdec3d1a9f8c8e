// SPDX-License-Identifier: Apache-2.0

package punch

import "time"

// rampTime is how long a search takes to reach its pace.
const rampTime = time.Second

// Due is how many probes of a search are due after some time: its pace grows evenly for a second, so
// that a network which takes offence is not hit at full pace, and one that answers at once is hit little.
func Due(perSecond int, elapsed time.Duration) int {
	ramped := min(elapsed, rampTime).Seconds()
	steady := max(0, elapsed-rampTime).Seconds()
	return 1 + int(float64(perSecond)*(ramped*ramped/(2*rampTime.Seconds())+steady))
}
