// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/turn"
)

// A turnServer is one on which an allocation is kept.
type turnServer struct {
	spec       protocol.TurnServer
	gate       *bind.Gate
	allocation *turn.Allocation
	shown      turn.Status
}

// A turnInbox passes on what one allocation hears.
type turnInbox struct {
	engine *Engine
	id     string
	gate   *bind.Gate
}

func (inbox turnInbox) ReceiveRelayed(datagram []byte, from netip.AddrPort, over *turn.Allocation) {
	inbox.gate.Receive(datagram, from, over)
}

func (inbox turnInbox) AllocationChanged(over *turn.Allocation, status turn.Status) {
	carryOut(inbox.engine.turnChanged(inbox.id, over, status))
}

// turnChanged moves what goes over a server when its allocation comes or goes.
func (e *Engine) turnChanged(id string, over *turn.Allocation, status turn.Status) (errands []errand) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	server := e.turns[id]
	if server == nil || server.allocation != over {
		return nil
	}
	e.log.Info("allocation", "server", id, "state", status.State, "cause", status.Cause, "detail", status.Detail)
	e.events.Emit(protocol.TurnChanged{TurnState: server.state(status)})
	now := time.Now()
	for _, p := range e.peers {
		errands = append(errands, e.act(p, p.prober.Server(id, status.State == turn.Up, now))...)
	}
	return errands
}

// convergeTurns opens the allocations that are new. A server that is spoken to in another way is
// another server, also under the same id.
func (e *Engine) convergeTurns(desired []protocol.TurnServer, note noter) {
	wanted := map[string]protocol.TurnServer{}
	for _, spec := range desired {
		wanted[spec.ID] = spec
	}
	e.mutex.Lock()
	gone := []*turn.Allocation{}
	for id, server := range e.turns {
		if spec, stays := wanted[id]; !stays || spec != server.spec {
			gone = append(gone, server.allocation)
			delete(e.turns, id)
			note("turn del %s", id)
		}
	}
	for _, spec := range desired {
		if e.turns[spec.ID] == nil {
			e.turns[spec.ID] = e.openTurn(spec)
			e.takeOver(spec.ID)
			note("turn add %s", spec.ID)
		}
	}
	e.mutex.Unlock()
	// An allocation that closes may still have something to tell, for which it needs the mutex.
	for _, allocation := range gone {
		allocation.Close()
	}
}

func (e *Engine) openTurn(spec protocol.TurnServer) *turnServer {
	gate := e.bind.Gate(spec.ID)
	server := turn.Server{
		Transport: turn.Transport(spec.Transport), Host: spec.Host, Port: spec.Port, CAFile: spec.CA,
		Mark:        &e.bind.Mark,
		Credentials: turn.Credentials{Username: spec.Username, Password: spec.Password, Secret: spec.Secret},
	}
	return &turnServer{spec: spec, gate: gate, allocation: turn.Open(server, turnInbox{e, spec.ID, gate})}
}

// takeOver gives paths over a server of that id the new allocation. The mutex is held.
func (e *Engine) takeOver(id string) {
	for _, p := range e.peers {
		for _, path := range p.spec.Paths {
			if path.Kind == protocol.KindTurn && path.Server == id {
				p.carriers[path.ID] = e.carrierOf(p, path)
				_ = e.act(p, p.prober.Server(id, false, time.Now()))
				p.endpoint.Use(p.carriers[p.prober.Active()])
			}
		}
	}
}

// turned makes what carries packets over a server. Nothing does if there are too many peers already.
func (e *Engine) turned(path protocol.Path) bind.Path {
	if server := e.turns[path.Server]; server != nil {
		over, err := server.allocation.Path(path.Endpoint)
		if err == nil {
			return e.bind.Turned(over)
		}
		e.log.Warn("no path over the TURN server", "server", path.Server, "peer", path.Endpoint, "error", err)
	}
	return bind.Nowhere()
}

// keepTurned tells the allocations whom to let in: the peers' ends of the paths over them and, because
// the same peers may be seen elsewhere, the addresses of all their other paths.
func (e *Engine) keepTurned() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for id, server := range e.turns {
		peers, addresses := []netip.AddrPort{}, []netip.Addr{}
		for _, p := range e.peers {
			others, served := []netip.Addr{}, false
			for _, path := range p.spec.Paths {
				if path.Kind == protocol.KindTurn && path.Server == id {
					peers, served = append(peers, path.Endpoint), true
				} else if path.Endpoint.IsValid() {
					others = append(others, path.Endpoint.Addr())
				}
			}
			if served {
				addresses = append(addresses, others...)
			}
		}
		server.allocation.Keep(peers, addresses)
	}
}

// changedTurns are those whose numbers are not those of the last `stats`. The mutex is held.
func (e *Engine) changedTurns() []protocol.TurnState {
	changed := []protocol.TurnState{}
	for _, server := range e.turns {
		if status := server.allocation.Status(); status != server.shown {
			server.shown = status
			changed = append(changed, server.state(status))
		}
	}
	return changed
}

func (server *turnServer) state(status turn.Status) protocol.TurnState {
	state := protocol.TurnState{
		ID: server.spec.ID, Transport: server.spec.Transport, State: string(status.State),
		Cause: idOrNull(string(status.Cause)), Detail: idOrNull(status.Detail), RttUs: microseconds(status.Rtt),
	}
	if status.Relayed.IsValid() {
		state.Relayed = &status.Relayed
	}
	return state
}
