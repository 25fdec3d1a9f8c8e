// SPDX-License-Identifier: Apache-2.0

// Package link tells which links the host has, and when they, their addresses or the way out of the
// host change.
package link

import (
	"cmp"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"meshgate.dev/native/internal/dump"
	"meshgate.dev/native/internal/protocol"
)

// List gives all links but loopback and our own device, in the order of their index.
func List(ownIndex int) ([]protocol.Link, error) {
	interfaces, err := dump.Whole(netlink.LinkList)
	if err != nil {
		return nil, err
	}
	addresses, err := dump.Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	links := []protocol.Link{}
	for _, entry := range interfaces {
		attrs := entry.Attrs()
		if attrs.Flags&net.FlagLoopback != 0 || attrs.Index == ownIndex {
			continue
		}
		up := attrs.Flags&net.FlagUp != 0 && attrs.OperState != netlink.OperDown &&
			attrs.OperState != netlink.OperLowerLayerDown && attrs.OperState != netlink.OperNotPresent
		links = append(links, protocol.Link{
			Name: attrs.Name, Index: attrs.Index, Up: up, MTU: attrs.MTU, Addresses: of(attrs.Index, addresses),
			Tunnel: isTunnel(entry),
		})
	}
	slices.SortFunc(links, func(a, b protocol.Link) int { return cmp.Compare(a.Index, b.Index) })
	return links, findSpares(links, ownIndex)
}

func of(index int, addresses []netlink.Addr) []netip.Prefix {
	prefixes := []netip.Prefix{}
	for _, entry := range addresses {
		if entry.LinkIndex != index || entry.IPNet == nil {
			continue
		}
		if ip, ok := netip.AddrFromSlice(entry.IP); ok {
			bits, _ := entry.Mask.Size()
			prefixes = append(prefixes, netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return prefixes
}

// findSpares reads the default routes of both families.
func findSpares(links []protocol.Link, ownIndex int) error {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := netlink.RouteList(nil, family)
		if err != nil {
			return err
		}
		ways := slices.DeleteFunc(routes, func(route netlink.Route) bool {
			return !isDefault(route) || route.LinkIndex == 0 || route.LinkIndex == ownIndex
		})
		// Of equals the kernel takes the first one, too.
		slices.SortStableFunc(ways, func(a, b netlink.Route) int { return cmp.Compare(a.Priority, b.Priority) })
		markSpares(links, ways, family)
	}
	return nil
}

// markSpares finds the addresses of links that one of the default routes, best first, leads over, but not the one that
// the kernel takes. A tunnel is no uplink of its own; where it is the first, nothing is meant to go past it.
func markSpares(links []protocol.Link, ways []netlink.Route, family int) {
	isFirst := func(link protocol.Link) bool { return link.Tunnel && link.Index == ways[0].LinkIndex }
	if len(ways) == 0 || slices.ContainsFunc(links, isFirst) {
		return
	}
	for i := range links {
		leads := func(route netlink.Route) bool { return route.LinkIndex == links[i].Index }
		if first := slices.IndexFunc(ways, leads); first > 0 && !links[i].Tunnel {
			links[i].Spares = append(links[i].Spares, spareOf(links[i], family)...)
		}
	}
}

// spareOf is one address of a link and family; a second one leads over the same link.
func spareOf(link protocol.Link, family int) []netip.Addr {
	for _, prefix := range link.Addresses {
		address := prefix.Addr()
		if address.Is4() == (family == netlink.FAMILY_V4) && !address.IsLinkLocalUnicast() {
			return []netip.Addr{address}
		}
	}
	return nil
}

// Exits are the default routes that do not lead over our own device, as texts to compare.
func Exits(ownIndex int) ([]string, error) {
	exits := []string{}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := dump.Whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, family) })
		if err != nil {
			return nil, err
		}
		for _, route := range routes {
			if isDefault(route) && route.LinkIndex != ownIndex {
				exits = append(exits, route.String())
			}
		}
	}
	slices.Sort(exits)
	return exits, nil
}
