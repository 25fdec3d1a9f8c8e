// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"meshgate.dev/native/internal/paths"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// figures are the numbers of a peer whose change makes `stats`; ages are not among them.
type figures struct {
	counters tunnel.Counters
	active   string
	session  paths.Session
	paths    [protocol.PathsPerPeerMax]paths.Snapshot
}

// observe reads WireGuard's counters, tells the probers what they mean, and makes `stats`.
func (e *Engine) observe(ctx context.Context) {
	ticker := time.NewTicker(observePace)
	defer ticker.Stop()
	tide, complaint := tide{}, complaint{}
	for round := 1; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		e.releasePunched(time.Now())
		complaint.look(e.bind.Hosts.Counters(), e.bind.Hosts.Troubling().String(), time.Now(), e.log)
		if tide.over(e.readCounters()) {
			// Pools keep what they hold over one collection.
			runtime.GC()
			debug.FreeOSMemory()
		}
		if round%statsEvery == 0 {
			e.emitStats()
		}
	}
}

func (e *Engine) readCounters() map[protocol.Key]tunnel.Counters {
	wireguard := e.wireguard()
	if wireguard == nil {
		return nil
	}
	counters, _, err := wireguard.Counters()
	if err != nil {
		return nil
	}
	now := time.Now()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.forgetEchoes(now)
	for key, p := range e.peers {
		p.counters = counters[key]
		pulse := p.activity.Observe(p.counters.RxBytes+p.counters.TxBytes, p.echoBytes, now)
		p.prober.Observe(pulse, now.Sub(p.counters.LastHandshake) < sessionTime, now)
		if pulse == paths.Quiet {
			p.endpoint.Rest(func() { e.wakePeer(p) })
		}
		e.reschedule(p)
	}
	return counters
}

// wakePeer is told of the first packet after a rest.
func (e *Engine) wakePeer(p *peer) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.peers[p.spec.PublicKey] == p {
		p.prober.Woken(time.Now())
		e.reschedule(p)
	}
}

func (e *Engine) emitStats() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	now := time.Now()
	changed := []protocol.PeerState{}
	for _, p := range e.peers {
		figures := p.figures()
		if figures == p.shown {
			continue
		}
		p.shown = figures
		changed = append(changed, p.state(now))
		if len(changed) == statsPeersMax {
			e.events.Emit(protocol.Stats{Peers: changed, Turn: []protocol.TurnState{}})
			changed = []protocol.PeerState{}
		}
	}
	servers := e.changedTurns()
	if len(changed)+len(servers) > 0 {
		e.events.Emit(protocol.Stats{Peers: changed, Turn: servers})
	}
}

func (p *peer) figures() (all figures) {
	all = figures{counters: p.counters, active: p.prober.Active(), session: p.prober.Session()}
	copy(all.paths[:], p.prober.Snapshot())
	return all
}
