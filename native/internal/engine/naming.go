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

	"meshgate.dev/native/internal/fdstore"
	"meshgate.dev/native/internal/names"
	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/resolvconf"
)

const (
	// rewirePace is how soon names are told to the host's resolver again where somebody has undone that.
	rewirePace = 10 * time.Second
	// reopenPace is how soon a server is tried again that could not be: an address may be there only in a moment,
	// and a program that is in the way may go.
	reopenPace = time.Second
)

// A naming is the mesh's names on one device: a server, and the host's resolver told of it. What goes wrong
// is told in the state and tried again; a host without names is still a member.
type naming struct {
	log     *slog.Logger
	tell    func(protocol.NamesState)
	device  string
	hosts   []netip.Addr
	kept    *fdstore.Store
	rules   *nft.Table
	cancel  context.CancelFunc
	stopped sync.WaitGroup

	mutex  sync.Mutex
	server *names.Server
	zone   *names.Zone
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
	n := &naming{log: e.log, device: device, hosts: hosts, zone: zone, cancel: cancel, kept: e.kept}
	n.shown.Zone = zone.Origins()[0]
	n.tell = func(state protocol.NamesState) { e.events.Emit(protocol.NamesChanged{NamesState: state}) }
	wish := resolvconf.Wish{Device: device, Servers: hosts, Zones: zone.Origins()}
	n.stopped.Go(func() { n.keep(ctx, wish) })
	return n
}

func (n *naming) use(zone *names.Zone) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.zone = zone
	if n.server != nil {
		n.server.Use(zone)
	}
}

// keep waits for other programs, and therefore for nobody who applies.
func (n *naming) keep(ctx context.Context, wish resolvconf.Wish) {
	for {
		pace := rewirePace
		err := n.open(ctx)
		if err != nil {
			pace = reopenPace
		} else {
			err = n.wire(wish)
		}
		n.note(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pace):
		}
	}
}

// open makes the server, and what leads questions to it, where one of them is missing.
func (n *naming) open(ctx context.Context) error {
	n.mutex.Lock()
	server, zone := n.server, n.zone
	n.mutex.Unlock()
	if server == nil {
		opened, err := names.Listen(ctx, n.hosts, zone, n.kept)
		if err != nil {
			return err
		}
		server = opened
		n.mutex.Lock()
		n.server = server
		server.Use(n.zone)
		n.mutex.Unlock()
	}
	if n.rules != nil {
		return nil
	}
	rules, err := names.Redirect(n.hosts, server.Port(), n.log)
	if err == nil {
		n.rules = rules
	}
	return err
}

func (n *naming) wire(wish resolvconf.Wish) error {
	n.mutex.Lock()
	wiring := n.wiring
	n.mutex.Unlock()
	if wiring == nil {
		wiring = resolvconf.Find(wish)
		n.mutex.Lock()
		// Before it settles: one that is stopped in the middle of that has something to undo.
		n.wiring = wiring
		n.mutex.Unlock()
	}
	if err := wiring.Settle(); err != nil {
		return err
	}
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
