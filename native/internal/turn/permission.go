// SPDX-License-Identifier: Apache-2.0

package turn

import "net/netip"

// permissions let peers in from anywhere on an address, also those that a channel would not know,
// because their NAT shows another port to the server. They are guarded by their owner.
type permissions map[netip.Addr]*grant

// keep bounds what it takes over; those that have no room are met with the server's silence.
func (p permissions) keep(addresses []netip.Addr) {
	wanted := map[netip.Addr]bool{}
	for _, address := range addresses {
		if len(wanted) < PeersMax {
			wanted[address] = true
		}
	}
	for address := range p {
		if !wanted[address] {
			delete(p, address)
		}
	}
	for address := range wanted {
		if p[address] == nil {
			p[address] = &grant{}
		}
	}
}
