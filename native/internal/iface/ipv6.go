// SPDX-License-Identifier: Apache-2.0

package iface

import (
	"net/netip"
	"os"
	"path/filepath"

	"meshgate.dev/native/internal/protocol"
)

const sysctlIPv6 = "/proc/sys/net/ipv6/conf"

// enableIPv6 undoes for our own device what a host may have switched off for new ones, and tells
// whether the kernel has IPv6 at all.
func enableIPv6(name string) bool {
	switches := filepath.Join(sysctlIPv6, name, "disable_ipv6")
	state, err := os.ReadFile(switches)
	if err != nil {
		return false
	}
	return state[0] == '0' || os.WriteFile(switches, []byte("0"), 0) == nil
}

// onlyUsable leaves IPv6 out where there is none: a mesh goes on with the family that is left.
func onlyUsable(prefixes []netip.Prefix, ipv6 bool) []netip.Prefix {
	usable := make([]netip.Prefix, 0, len(prefixes))
	for _, prefix := range prefixes {
		if ipv6 || prefix.Addr().Is4() {
			usable = append(usable, prefix)
		}
	}
	return usable
}

func onlyUsableRoutes(routes []protocol.Route, ipv6 bool) []protocol.Route {
	usable := make([]protocol.Route, 0, len(routes))
	for _, route := range routes {
		if ipv6 || route.Destination.Addr().Is4() {
			usable = append(usable, route)
		}
	}
	return usable
}
