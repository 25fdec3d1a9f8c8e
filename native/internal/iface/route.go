// SPDX-License-Identifier: Apache-2.0

package iface

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/dump"
	"meshgate.dev/native/internal/protocol"
)

// RouteProtocol marks the routes that are ours (`proto 77`, "M"); routes of any other are never
// changed or removed.
const RouteProtocol netlink.RouteProtocol = 77

// ErrRouteTaken says that somebody else has routed the same destination.
var ErrRouteTaken = errors.New("somebody else's route has the same destination")

// SettleRoutes makes exactly these the routes over the interface that are ours.
func (i *Interface) SettleRoutes(wanted []protocol.Route) (changed []string, err error) {
	present, err := i.routes()
	if err != nil {
		return nil, err
	}
	wanted = onlyUsableRoutes(wanted, i.ipv6)
	missing := map[netip.Prefix]int{}
	for _, route := range wanted {
		missing[route.Destination] = route.MTU
	}
	for destination, mtu := range present {
		wantedMTU, ok := missing[destination]
		if ok && wantedMTU == mtu {
			delete(missing, destination)
			continue
		}
		if ok {
			continue
		}
		if err := netlink.RouteDel(i.route(destination, mtu)); err != nil && !errors.Is(err, unix.ESRCH) {
			return changed, fmt.Errorf("route %s: %w", destination, err)
		}
		changed = append(changed, fmt.Sprintf("route del %s", destination))
	}
	for _, route := range wanted {
		if _, ok := missing[route.Destination]; !ok {
			continue
		}
		verb, set := "add", netlink.RouteAdd
		if _, ok := present[route.Destination]; ok {
			verb, set = "mtu", netlink.RouteReplace
		}
		err := set(i.route(route.Destination, route.MTU))
		if errors.Is(err, unix.EEXIST) {
			err = ErrRouteTaken
		}
		if err != nil {
			return changed, fmt.Errorf("route %s: %w", route.Destination, err)
		}
		changed = append(changed, fmt.Sprintf("route %s %s", verb, route.Destination))
	}
	return changed, nil
}

func (i *Interface) route(destination netip.Prefix, mtu int) *netlink.Route {
	scope := netlink.SCOPE_LINK
	if destination.Addr().Is6() {
		scope = netlink.SCOPE_UNIVERSE
	}
	return &netlink.Route{
		LinkIndex: i.index,
		Dst:       ipNet(destination),
		Protocol:  RouteProtocol,
		Scope:     scope,
		MTU:       mtu,
	}
}

// routes are those that are ours, with their MTU.
func (i *Interface) routes() (map[netip.Prefix]int, error) {
	filter := &netlink.Route{LinkIndex: i.index, Protocol: RouteProtocol}
	mask := netlink.RT_FILTER_OIF | netlink.RT_FILTER_PROTOCOL
	list, err := dump.Whole(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, filter, mask)
	})
	if err != nil {
		return nil, err
	}
	routes := make(map[netip.Prefix]int, len(list))
	for _, route := range list {
		if prefix, ok := prefixOf(route.Dst); ok {
			routes[prefix] = route.MTU
		}
	}
	return routes, nil
}
