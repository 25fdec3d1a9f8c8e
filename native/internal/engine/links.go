// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"reflect"

	"meshgate.dev/native/internal/link"
	"meshgate.dev/native/internal/protocol"
)

// links are those of the host as they were last told.
type links struct {
	list  []protocol.Link
	exits []string
}

// settleLinks runs when links, addresses or default routes have changed. Our own device's are put
// right again; the others' are told.
func (e *Engine) settleLinks() {
	e.change.Lock()
	defer e.change.Unlock()
	own := 0
	if e.device != nil {
		own = e.device.kernel.Index()
		e.repair()
	}
	list, err := link.List(own)
	if err != nil {
		e.log.Error("cannot list the links", "error", err)
		return
	}
	if e.device != nil && !e.device.wireguard.TellsApart() {
		for i := range list {
			list[i].Spares = nil
		}
	}
	exits, err := link.Exits(own)
	if err != nil {
		e.log.Error("cannot list the default routes", "error", err)
		return
	}
	now := links{list: list, exits: exits}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if reflect.DeepEqual(e.links, now) {
		return
	}
	e.links = now
	addresses, several := map[netip.Addr]int{}, false
	for _, entry := range list {
		several = several || len(entry.Spares) > 0
		for _, prefix := range entry.Addresses {
			addresses[prefix.Addr()] = entry.Index
		}
	}
	e.bind.Uplinks(addresses, several)
	for _, p := range e.peers {
		// Another link may have the address that it leaves from.
		if p.route.direct.Source.IsValid() {
			e.routeDirect(p)
		}
	}
	e.events.Emit(protocol.LinksChanged{Links: list})
}

// repair undoes what somebody else has done to our device.
func (e *Engine) repair() {
	if e.desired.Device == nil || e.desired.Device.Name != e.device.spec.Name {
		return
	}
	settled, err := e.device.kernel.Settle(e.device.spec.MTU, e.device.spec.Addresses)
	if err == nil {
		var routes []string
		routes, err = e.device.kernel.SettleRoutes(e.desired.Routes)
		settled = append(settled, routes...)
	}
	if len(settled) > 0 {
		e.log.Warn("device repaired", "changed", settled)
	}
	if err != nil {
		e.log.Warn("device not repaired", "error", err)
	}
}
