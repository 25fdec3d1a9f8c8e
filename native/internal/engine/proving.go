// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"meshgate.dev/native/internal/paths"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/relay"
)

// tally makes what is counted of a peer's packets that of now. The mutex is held.
func (e *Engine) tally(p *peer) {
	if wireguard := e.wireguard(); wireguard != nil {
		wireguard.Tally(p.spec.PublicKey)
	}
}

var _ paths.Meter = (*peer)(nil)

// Sent is what WireGuard has sent over a path. The mutex is held.
func (p *peer) Sent(id string) paths.Traffic {
	carrier := p.carriers[id]
	if carrier == nil {
		return paths.Traffic{}
	}
	sent := carrier.Sent()
	return paths.Traffic{Transport: sent.Transport, Handshakes: sent.Handshakes}
}

// HeardAt is when the peer's WireGuard was last heard over a path. The mutex is held.
func (p *peer) HeardAt(id string) time.Time {
	if way, known := p.ways[id]; known && p.hosts != nil {
		if arrival := p.hosts.Arrival(p.tag, way); arrival != nil {
			return arrival.HeardAt()
		}
	}
	return time.Time{}
}

// heardBy is what we tell the peer of its packets over a way.
func heardBy(arrival *relay.Arrival) probe.Heard {
	if arrival == nil {
		return probe.Heard{Told: true}
	}
	return probe.Heard{Transport: arrival.Transport.Load(), Handshakes: arrival.Handshakes.Load(), Told: true}
}

// reportsOn is what we hear over each of the peer's paths, in its own numbers.
func (e *Engine) reportsOn(p *peer, now time.Time) (reports probe.Reports) {
	for _, arrival := range e.bind.Hosts.Named(p.tag) {
		silent := probe.SilentLong
		if at := arrival.HeardAt(); !at.IsZero() {
			silent = max(0, now.Sub(at))
		}
		reports.Add(probe.Report{Path: arrival.Number(), Heard: heardBy(arrival), Silent: silent})
	}
	return reports
}

// told takes what the peer hears over our paths. The mutex is held.
func (e *Engine) told(p *peer, body probe.Body, now time.Time) (errands []errand) {
	for _, report := range body.Reports.All() {
		if actions := p.prober.Told(report.Path, reportOf(report.Heard), report.Silent, now); len(actions) > 0 {
			errands = append(errands, e.act(p, actions)...)
		}
	}
	return errands
}

func reportOf(heard probe.Heard) paths.Report {
	traffic := paths.Traffic{Transport: heard.Transport, Handshakes: heard.Handshakes}
	return paths.Report{Traffic: traffic, Told: heard.Told}
}

// heardOn takes what the peer says when it asks over a way that is also one of our paths. The mutex is held.
func (e *Engine) heardOn(p *peer, way relay.Way, heard probe.Heard, now time.Time) (errands []errand) {
	for _, path := range p.spec.Paths {
		if wayOf(path) == way {
			if actions := p.prober.Heard(path.ID, reportOf(heard), now); len(actions) > 0 {
				errands = append(errands, e.act(p, actions)...)
			}
		}
	}
	return errands
}
