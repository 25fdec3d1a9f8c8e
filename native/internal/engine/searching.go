// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"net/netip"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/punch"
)

const (
	// searchesMax bounds the searches at once, and with them the sockets: 256 each.
	searchesMax = 4
	// searchTick is how often a search looks whether probes are due.
	searchTick = 10 * time.Millisecond
)

// A search looks for a path where no address is known to work (PROTOCOL.md, "Searches").
type search struct {
	params  protocol.SearchParams
	began   time.Time
	ended   chan struct{}
	sockets map[int]*punch.Socket
	asked   map[netip.AddrPort]bool
	// probes were sent, and sockets opened.
	probes, opened int
}

// Search begins to search for a peer, on behalf of the agent. It takes the place of a search for the same peer,
// which is one that an agent began that is gone.
func (e *Engine) Search(params protocol.SearchParams) *protocol.Fault {
	errands, fault := e.beginSearch(params)
	carryOut(errands)
	return fault
}

func (e *Engine) beginSearch(params protocol.SearchParams) ([]errand, *protocol.Fault) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	p := e.peers[params.Peer]
	if p == nil {
		return nil, noSuchPeer(params.Peer)
	}
	errands := e.endSearch(p, protocol.SearchEnded{Result: protocol.SearchStopped})
	if e.stopping || e.searching >= searchesMax {
		return errands, protocol.Faultf(protocol.CodeTooMany, "%d searches are under way", e.searching)
	}
	s := &search{
		params: params, began: time.Now(), ended: make(chan struct{}),
		sockets: map[int]*punch.Socket{}, asked: map[netip.AddrPort]bool{},
	}
	p.search = s
	e.searching++
	e.done.Go(func() { e.runSearch(p, s) })
	return errands, nil
}

// StopSearch ends a search, if there is one.
func (e *Engine) StopSearch(key protocol.Key) *protocol.Fault {
	e.mutex.Lock()
	p := e.peers[key]
	if p == nil {
		e.mutex.Unlock()
		return noSuchPeer(key)
	}
	errands := e.endSearch(p, protocol.SearchEnded{Result: protocol.SearchStopped})
	e.mutex.Unlock()
	carryOut(errands)
	return nil
}

// stopSearches ends all of them; the helper goes.
func (e *Engine) stopSearches() {
	e.mutex.Lock()
	e.stopping = true
	errands := []errand{}
	for _, p := range e.peers {
		errands = append(errands, e.endSearch(p, protocol.SearchEnded{Result: protocol.SearchStopped})...)
	}
	e.mutex.Unlock()
	carryOut(errands)
}

func (e *Engine) runSearch(p *peer, s *search) {
	ticker := time.NewTicker(searchTick)
	defer ticker.Stop()
	for index := 0; ; {
		elapsed := time.Since(s.began)
		if elapsed >= s.params.Duration {
			e.giveUpSearch(p, s)
			return
		}
		for due := min(punch.Due(s.params.PerSecond, elapsed), s.params.Probes()); index < due; index++ {
			if !e.searchAt(p, s, s.params.Endpoints[index%len(s.params.Endpoints)]) {
				break
			}
		}
		select {
		case <-s.ended:
			return
		case <-ticker.C:
		}
	}
}

func (e *Engine) giveUpSearch(p *peer, s *search) {
	e.mutex.Lock()
	errands := []errand{}
	if p.search == s {
		errands = e.endSearch(p, protocol.SearchEnded{Result: protocol.SearchNothing})
	}
	e.mutex.Unlock()
	carryOut(errands)
}

// searchAt sends one probe, and tells whether it could: probes of all kinds share one budget.
func (e *Engine) searchAt(p *peer, s *search, to netip.AddrPort) bool {
	var socket *punch.Socket
	if s.params.Sockets > 0 {
		var err error
		if socket, err = punch.Open(to, &e.bind.Mark); err != nil {
			// Without a route there is no socket, and the probe is lost as if it were lost later.
			e.log.Debug("no socket for a search", "to", to, "error", err)
		}
	}
	e.mutex.Lock()
	if p.search != s || !e.probeRate.Allow() {
		e.mutex.Unlock()
		if socket != nil {
			socket.Close()
		}
		return false
	}
	frame := e.seal(p, probe.Body{Kind: probe.Request, Transaction: newTransaction(), Heard: probe.Heard{Told: true}})
	s.probes++
	if socket != nil {
		s.opened++
	}
	s.asked[to] = true
	if socket != nil {
		s.sockets[socket.Port()] = socket
		e.done.Go(func() { e.bind.Receive(socket) })
	}
	e.mutex.Unlock()
	var err error
	switch {
	case socket != nil:
		err = socket.SendTo(frame, to)
	case s.params.Sockets == 0:
		err = e.bind.SendTo(frame, to)
	}
	if err != nil {
		e.log.Debug("probe not sent", "to", to, "error", err)
	}
	return true
}

// met ends the search that a genuine probe answers: one that came to a socket of it, or from an address
// that was asked from the one port. The mutex is held.
func (e *Engine) met(p *peer, from bind.Source, now time.Time) []errand {
	s := p.search
	if s == nil || from.Relayed() || from.Way.Server != "" {
		return nil
	}
	found := protocol.SearchEnded{Result: protocol.SearchFound, Endpoint: &from.Way.Address}
	switch socket := s.sockets[from.Way.Socket]; {
	case socket != nil:
		delete(s.sockets, from.Way.Socket)
		e.keepPunched(p, socket, now)
		found.Socket = &from.Way.Socket
	case from.Way.Socket != 0 || !s.asked[from.Way.Address] || s.params.Sockets > 0:
		return nil
	}
	return e.endSearch(p, found)
}

// endSearch closes what the search has opened and was not kept. The mutex is held.
func (e *Engine) endSearch(p *peer, end protocol.SearchEnded) []errand {
	s := p.search
	if s == nil {
		return nil
	}
	p.search = nil
	e.searching--
	close(s.ended)
	end.Peer, end.Transaction, end.Probes, end.Sockets = p.spec.PublicKey, s.params.Transaction, s.probes, s.opened
	e.events.Emit(end)
	e.log.Info("search ended", "peer", end.Peer, "result", end.Result, "probes", end.Probes, "sockets", end.Sockets)
	return []errand{func() {
		for _, socket := range s.sockets {
			socket.Close()
		}
	}}
}
