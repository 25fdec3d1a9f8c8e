// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"net/netip"
	"time"

	"meshgate.dev/native/internal/paths"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
)

// errand is something to send once the mutex is free.
type errand func()

// carryOut is for when it is.
func carryOut(errands []errand) {
	for _, errand := range errands {
		errand()
	}
}

// probe drives the probers: it sleeps until the first of them has something to do.
func (e *Engine) probe(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-e.wake:
		}
		next, errands := e.advance(time.Now())
		carryOut(errands)
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

func (e *Engine) advance(now time.Time) (next time.Time, errands []errand) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for p := e.schedule.first(); p != nil; p = e.schedule.first() {
		if p.deadline.After(now) {
			return p.deadline, errands
		}
		e.tally(p)
		errands = append(errands, e.act(p, p.prober.Advance(now))...)
		if !p.deadline.IsZero() && !p.deadline.After(now) {
			// It should not be due again at once; if it is, the others must not wait for it.
			e.schedule.put(p, now.Add(time.Millisecond))
		}
	}
	return time.Time{}, errands
}

// act does what a prober wants, as far as nothing has to be sent, and gives the peer its new place in
// the schedule. The mutex is held.
func (e *Engine) act(p *peer, actions []paths.Action) (errands []errand) {
	for _, action := range actions {
		switch action := action.(type) {
		case paths.Ask:
			e.doubtHub(p, action.Path)
			errands = append(errands, e.askOver(p, action))
		case paths.Echo:
			if errand := e.echoOnce(p); errand != nil {
				errands = append(errands, errand)
			}
		case paths.Double:
			p.endpoint.Double(p.carriers[action.Path])
		case paths.Handshake:
			errands = append(errands, e.handshake(p.spec.PublicKey))
		case paths.Rose:
			e.events.Emit(protocol.PathUp{Peer: p.spec.PublicKey, Path: action.Path, RttUs: action.Rtt.Microseconds()})
		case paths.Fell:
			e.events.Emit(protocol.PathDown{Peer: p.spec.PublicKey, Path: action.Path, Reason: action.Reason})
		case paths.Switch:
			p.endpoint.Use(p.carriers[action.To])
			e.events.Emit(protocol.Switched{
				Peer: p.spec.PublicKey, From: idOrNull(action.From), To: idOrNull(action.To),
				Cause: string(action.Cause), GapMs: action.Gap.Milliseconds(),
			})
		}
	}
	e.reschedule(p)
	return append(errands, e.settleRoute(p)...)
}

func idOrNull(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

func (e *Engine) reschedule(p *peer) {
	e.schedule.put(p, p.prober.NextDeadline())
	if e.schedule.first() == p {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

func (e *Engine) handshake(key protocol.Key) errand {
	wireguard := e.wireguard()
	return func() {
		if wireguard != nil {
			wireguard.Handshake(key)
		}
	}
}

// askOver seals a probe now and sends it over a path later.
func (e *Engine) askOver(p *peer, ask paths.Ask) errand {
	id := ask.Path
	frame := e.seal(p, probe.Body{
		Kind: probe.Request, Transaction: ask.Transaction, Path: ask.Number,
		Heard:   heardBy(e.bind.Hosts.Arrival(p.tag, p.ways[id])),
		Reports: e.reportsOn(p, time.Now()), Room: len(p.spec.Paths),
	})
	carrier := p.carriers[id]
	return func() {
		if err := carrier.Send([][]byte{frame}); err != nil {
			// To the prober a probe that could not leave is one that was lost.
			e.log.Debug("probe not sent", "path", id, "error", err)
		}
	}
}

// askAt asks a candidate.
func (e *Engine) askAt(p *peer, source netip.Addr, to netip.AddrPort, transaction protocol.Transaction) errand {
	frame := e.seal(p, probe.Body{Kind: probe.Request, Transaction: transaction, Heard: probe.Heard{Told: true}})
	return func() {
		if err := e.bind.SendFrom(frame, source, to); err != nil {
			e.log.Debug("probe not sent", "to", to, "error", err)
		}
	}
}

// FollowStamps is for an engine that has probed nothing yet: probe.Stamper.
func (e *Engine) FollowStamps(reached uint64, jumped func(stamp uint64)) {
	e.stamps.Follow(reached, jumped)
}

func (e *Engine) seal(p *peer, body probe.Body) []byte {
	var nonce [probe.NonceSize]byte
	_, _ = rand.Read(nonce[:])
	body.Stamp = e.stamps.Next(time.Now())
	return p.pair.Seal(body, nonce)
}

// Probe asks a candidate once, on behalf of the agent.
func (e *Engine) Probe(params protocol.ProbeParams) *protocol.Fault {
	errand, fault := e.prepareProbe(params, time.Now())
	if fault == nil {
		errand()
	}
	return fault
}

func (e *Engine) prepareProbe(params protocol.ProbeParams, now time.Time) (errand, *protocol.Fault) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	p := e.peers[params.Peer]
	if p == nil {
		return nil, noSuchPeer(params.Peer)
	}
	if e.outstanding >= outstandingMax {
		for _, other := range e.peers {
			e.outstanding -= other.forgetAsked(now)
		}
	}
	e.outstanding -= p.forgetAsked(now)
	if _, again := p.asked[params.Transaction]; again {
		problem := protocol.Problem{
			Field: "transaction", Value: params.Transaction.String(),
			Problem: "is waiting for its answer already", Remedy: "give each probe a transaction of its own",
		}
		return nil, protocol.Refusal(protocol.CodeInvalidParams, []protocol.Problem{problem})
	}
	switch {
	case len(p.asked) >= outstandingPerPeerMax:
		return nil, protocol.Faultf(protocol.CodeTooMany, "%d probes to this peer are outstanding", len(p.asked))
	case e.outstanding >= outstandingMax:
		return nil, protocol.Faultf(protocol.CodeTooMany, "%d probes are outstanding", e.outstanding)
	case !e.probeRate.AllowN(now, 1):
		return nil, protocol.Faultf(protocol.CodeTooMany, "more than %d probes a second", probesPerSecond)
	}
	p.asked[params.Transaction] = candidate{endpoint: params.Endpoint, sentAt: now}
	e.outstanding++
	return e.askAt(p, params.Source, params.Endpoint, params.Transaction), nil
}
