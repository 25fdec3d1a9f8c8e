// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
	"meshgate.dev/native/internal/stunserver"
)

// ReceiveProbe takes what looks like a sealed probe. Whatever is not genuine, or not new, is met
// with silence.
func (e *Engine) ReceiveProbe(datagram []byte, from bind.Source) {
	hint, err := probe.HintOf(datagram)
	if err != nil {
		return
	}
	e.mutex.Lock()
	p := e.hints[hint]
	var pair *probe.Pair
	if p != nil {
		pair = p.pair
	}
	e.mutex.Unlock()
	if p == nil {
		return
	}
	// The seal is checked without the mutex: it is what costs most, and strangers may ask for it.
	body, err := pair.Open(datagram)
	if err != nil {
		return
	}
	now := time.Now()
	carryOut(e.receive(p, pair, body, from, now))
}

func (e *Engine) receive(p *peer, pair *probe.Pair, body probe.Body, from bind.Source, now time.Time) []errand {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.peers[p.spec.PublicKey] != p || p.pair != pair {
		return nil
	}
	if from.Relayed() && from.Member != p.tag || !e.owns(p, from.Way.Socket) {
		return nil
	}
	if !from.Relayed() && e.isInMesh(from.Way.Address.Addr()) {
		return nil
	}
	if err := p.window.Accept(body.Stamp); err != nil {
		e.log.Debug("probe refused", "peer", p.spec.PublicKey, "from", from.Way, "error", err)
		return nil
	}
	e.tally(p)
	arrival := e.bind.Hosts.Learn(p.tag, from.Way)
	errands := e.met(p, from, now)
	if body.Kind == probe.Request {
		return append(errands, e.receiveRequest(p, body, from, arrival, now)...)
	}
	if e.measured(p, body, now) {
		return append(errands, e.told(p, body, now)...)
	}
	if asked, ok := p.asked[body.Transaction]; ok {
		if !body.Observed.IsValid() {
			return errands
		}
		delete(p.asked, body.Transaction)
		e.outstanding--
		e.events.Emit(protocol.ProbeReply{
			Peer: p.spec.PublicKey, Endpoint: asked.endpoint, Transaction: body.Transaction,
			RttUs: now.Sub(asked.sentAt).Microseconds(), Observed: body.Observed,
		})
		return errands
	}
	errands = append(errands, e.act(p, p.prober.Answered(body.Transaction, reportOf(body.Heard), now))...)
	return append(errands, e.told(p, body, now)...)
}

// isInMesh tells whether what comes from an address came through the tunnel itself, as it does from a peer that is asked at
// an address which routes lead into the mesh, such as a gateway at one of the network behind it. Met with silence, that never
// becomes a path, which would carry itself. The mutex is held.
func (e *Engine) isInMesh(address netip.Addr) bool {
	return slices.ContainsFunc(e.meshPrefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

func (e *Engine) receiveRequest(p *peer, body probe.Body, from bind.Source, arrival *relay.Arrival, now time.Time) []errand {
	// What comes to a punched socket can be answered there only, and tells of no address that the port could use.
	if !from.Relayed() && from.Way.Socket == 0 && p.tellHeard(from.Way.Address, now) {
		if from.Way.Server == "" && !p.leadsTo(from.Way.Address) {
			p.prober.Moved(now)
			e.reschedule(p)
		}
		e.events.Emit(protocol.ProbeHeard{
			Peer: p.spec.PublicKey, From: from.Way.Address, Server: idOrNull(from.Way.Server),
		})
	}
	if arrival != nil {
		e.bind.Hosts.Name(p.tag, arrival, body.Path)
	}
	errands := append(e.heardOn(p, from.Way, body.Heard, now), e.told(p, body, now)...)
	if !p.replies.AllowN(now, 1) {
		return errands
	}
	// Of a request that came over hubs only the last hub's address is known, which would mislead.
	heard := heardBy(arrival)
	// An answer is never longer than its question.
	heard.Told = body.Heard.Told
	reports := e.reportsOn(p, now)
	reports.Keep(body.Room)
	answer := probe.Body{
		Kind: probe.Reply, Transaction: body.Transaction, Observed: from.Way.Address, Heard: heard, Reports: reports,
	}
	if body.Padding > 0 {
		// It measures the way back as well.
		answer.Room, answer.Padding = body.Room, body.Padding
	}
	frame := e.seal(p, answer)
	return append(errands, func() {
		if err := e.bind.Answer(frame, from); err != nil {
			e.log.Debug("probe not answered", "to", from.Way, "error", err)
		}
	})
}

// ReceiveSTUN answers what the STUN server answers, and leaves the rest to the agent.
func (e *Engine) ReceiveSTUN(datagram []byte, from bind.Source) {
	if len(datagram) > datagramSizeMax {
		return
	}
	now := time.Now()
	verdict, answer := stunserver.Pass, stunserver.Answer{}
	if e.stunOn.Load() {
		e.stunMutex.Lock()
		verdict, answer = e.stun.Read(datagram, from.Way.Address, now)
		e.stunMutex.Unlock()
	}
	switch verdict {
	case stunserver.Reply:
		if err := e.bind.AnswerAt(answer.Message, from, answer.To.Port()); err != nil {
			e.log.Debug("STUN not answered", "to", answer.To, "error", err)
		}
	case stunserver.Pass:
		if e.datagramRate.AllowN(now, 1) {
			e.events.Emit(protocol.Datagram{From: from.Way.Address, Payload: bytes.Clone(datagram)})
		}
	}
}

// SendDatagram sends one datagram from the port, on behalf of the agent.
func (e *Engine) SendDatagram(params protocol.DatagramParams) *protocol.Fault {
	if !e.sendRate.Allow() {
		return protocol.Faultf(protocol.CodeTooMany, "more than %d datagrams a second", sendsPerSecond)
	}
	if err := e.bind.SendFrom(params.Payload, params.Source, params.To); err != nil {
		// UDP promises nothing: what cannot leave here is lost as if it were lost later.
		e.log.Debug("datagram not sent", "to", params.To, "error", err)
	}
	return nil
}
