// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"meshgate.dev/native/internal/names"
	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/resolvconf"
)

// rewirePace is how soon names are told to the host's resolver again where somebody has undone that.
const rewirePace = 10 * time.Second

// A naming is the mesh's names on one device: a server, and the host's resolver told of it. What goes wrong
// is told in the state and tried again; a host without names is still a member.
type naming struct {
	log     *slog.Logger
	tell    func(protocol.NamesState)
	device  string
	hosts   []netip.Addr
	server  *names.Server
	rules   *nft.Table
	zone    *names.Zone
	cancel  context.CancelFunc
	stopped sync.WaitGroup

	mutex  sync.Mutex
	wiring resolvconf.Wiring
	shown  protocol.NamesState
}

// convergeNames is called when the device is as it should be.
func (e *Engine) convergeNames(spec *protocol.Names, note noter) {
	if spec == nil {
		if e.naming != nil {
			note("names off")
		}
		e.closeNames()
		return
	}
	d := e.device
	hosts := addressesOf(d.spec.Addresses)
	if !d.kernel.HasIPv6() {
		hosts = slices.DeleteFunc(hosts, netip.Addr.Is6)
	}
	zone := names.NewZone(spec, d.spec.Addresses)
	if e.naming != nil && (e.naming.device != d.spec.Name || !slices.Equal(e.naming.hosts, hosts) ||
		!slices.Equal(e.naming.zone.Origins(), zone.Origins())) {
		e.closeNames()
	}
	if e.naming == nil {
		e.naming = openNames(d.spec.Name, hosts, zone, e)
		note("names on %s", spec.Zone)
	} else if !spec.Equal(e.desired.Names) {
		note("names %s", spec.Zone)
	}
	e.naming.use(zone)
}

// closeNames puts the host's resolver back as it was.
func (e *Engine) closeNames() {
	if e.naming != nil {
		e.naming.close()
		e.naming = nil
	}
}

func openNames(device string, hosts []netip.Addr, zone *names.Zone, e *Engine) *naming {
	ctx, cancel := context.WithCancel(context.Background())
	n := &naming{log: e.log, device: device, hosts: hosts, zone: zone, cancel: cancel}
	n.shown.Zone = zone.Origins()[0]
	n.tell = func(state protocol.NamesState) { e.events.Emit(protocol.NamesChanged{NamesState: state}) }
	server, err := names.Listen(ctx, hosts)
	if err == nil {
		n.server = server
		n.rules, err = names.Redirect(hosts, server.Port(), e.log)
	}
	if err != nil {
		n.note(err)
		return n
	}
	wish := resolvconf.Wish{Device: device, Servers: hosts, Zones: zone.Origins()}
	n.stopped.Go(func() { n.keep(ctx, wish) })
	return n
}

func (n *naming) use(zone *names.Zone) {
	n.zone = zone
	if n.server != nil {
		n.server.Use(zone)
	}
}

// keep waits for other programs, and therefore for nobody who applies.
func (n *naming) keep(ctx context.Context, wish resolvconf.Wish) {
	ticker := time.NewTicker(rewirePace)
	defer ticker.Stop()
	for {
		n.note(n.wire(wish))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (n *naming) wire(wish resolvconf.Wish) error {
	n.mutex.Lock()
	wiring := n.wiring
	n.mutex.Unlock()
	var err error
	if wiring == nil {
		wiring, err = resolvconf.Wire(wish)
	} else {
		err = wiring.Settle()
	}
	if err != nil {
		return err
	}
	n.mutex.Lock()
	n.wiring = wiring
	n.mutex.Unlock()
	upstreams, err := wiring.Upstreams()
	n.server.Forward(upstreams)
	return err
}

// note takes why names do not resolve; nil is that they do.
func (n *naming) note(err error) {
	n.mutex.Lock()
	state := protocol.NamesState{Zone: n.shown.Zone}
	if n.wiring != nil {
		state.Wiring = idOrNull(n.wiring.Way())
	}
	if err != nil {
		state.Problem = idOrNull(err.Error())
	}
	changed := !reflect.DeepEqual(n.shown, state)
	n.shown = state
	n.mutex.Unlock()
	if !changed {
		return
	}
	if err != nil {
		n.log.Warn("names do not resolve", "error", err)
	}
	n.tell(state)
}

func (n *naming) close() {
	n.cancel()
	n.stopped.Wait()
	if n.wiring != nil {
		if err := n.wiring.Undo(); err != nil {
			n.log.Warn("the host's resolver still knows us", "error", err)
		}
	}
	if n.rules != nil {
		if err := n.rules.Remove(); err != nil {
			n.log.Warn("rules for names not removed", "error", err)
		}
	}
	if n.server != nil {
		n.server.Close()
	}
}

func (n *naming) state() *protocol.NamesState {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	state := n.shown
	return &state
}
