// SPDX-License-Identifier: Apache-2.0

package stunserver

import (
	"net/netip"
	"time"
)

const (
	answersPerSecond          = 2_000
	answersPerSourcePerSecond = 100
	// sourceBitsIPv6 is how much of an IPv6 address is one source: a host has a whole /64 to itself.
	sourceBitsIPv6 = 64
)

// An allowance counts answers in windows of a second, so that its table can never be longer than a
// second's answers.
type allowance struct {
	began   time.Time
	total   int
	sources map[netip.Addr]int
}

func (a *allowance) take(address netip.Addr, now time.Time) bool {
	if a.sources == nil || now.Sub(a.began) >= time.Second || now.Before(a.began) {
		*a = allowance{began: now, sources: map[netip.Addr]int{}}
	}
	source := address
	if address.Is6() {
		source = netip.PrefixFrom(address, sourceBitsIPv6).Masked().Addr()
	}
	if a.total >= answersPerSecond || a.sources[source] >= answersPerSourcePerSecond {
		return false
	}
	a.total++
	a.sources[source]++
	return true
}
