// SPDX-License-Identifier: Apache-2.0

package link

import (
	"slices"

	"github.com/vishvananda/netlink"
)

// tunnels are the kinds of device, as ip-link(8) calls them, whose packets go into other packets. PPP is none: it is how
// many houses reach the internet.
var tunnels = []string{
	"wireguard", "ovpn", "ovpn-dco", "ipip", "ip6tnl", "sit", "gre", "ip6gre", "gretap", "ip6gretap", "vti", "vti6", "xfrm",
	"vxlan", "geneve",
}

// isTunnel tells that what leaves by a link comes out somewhere else, after it has left by another link of ours.
func isTunnel(entry netlink.Link) bool {
	if tuntap, ok := entry.(*netlink.Tuntap); ok {
		// The other kind has Ethernet's frames: a virtual machine's.
		return tuntap.Mode == netlink.TUNTAP_MODE_TUN
	}
	return slices.Contains(tunnels, entry.Type())
}
