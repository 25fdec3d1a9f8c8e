// SPDX-License-Identifier: Apache-2.0

package iface

import "github.com/vishvananda/netlink"

// alias marks an interface of the kernel's own as one that a helper has made: it outlives the helper.
const alias = "meshgate"

// IsOurs tells whether a helper has made an interface of WireGuard.
func IsOurs(link netlink.Link) bool { return link.Type() == "wireguard" && link.Attrs().Alias == alias }

// MakeOurs marks an interface as made by a helper.
func MakeOurs(link netlink.Link) error { return netlink.LinkSetAlias(link, alias) }
