// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

// A measureWait is a padded probe over one path without its answer yet.
type measureWait struct {
	peer    *peer
	kind    string
	sentAt  time.Time
	replied chan time.Duration
}

const (
	// wireguardOverhead is what a packet of a session has before and behind the IP packet in it.
	wireguardOverhead = 32
	udpHeader         = 8
	// ipv6MTUMin must get through, in pieces if need be.
	ipv6MTUMin = 1280
)

// Measure asks over one path with a probe as long as the packet that an IP packet of that size becomes,
// and gets an answer of that length.
func (e *Engine) Measure(params protocol.MeasureParams) (measured protocol.Measured, fault *protocol.Fault) {
	transaction := newTransaction()
	wait := &measureWait{replied: make(chan time.Duration, 1)}
	carrier, frame, fault := e.prepareMeasure(params, transaction, wait)
	if fault != nil {
		return measured, fault
	}
	defer func() {
		e.mutex.Lock()
		delete(e.measures, transaction)
		e.mutex.Unlock()
	}()
	if fault := e.sendMeasure(params, carrier, frame, wait); fault != nil {
		return measured, fault
	}
	timer := time.NewTimer(params.Timeout)
	defer timer.Stop()
	select {
	case rtt := <-wait.replied:
		measured.RttUs = rtt.Microseconds()
		return measured, nil
	case <-timer.C:
		// A router may have said why.
		if fault := e.tooLarge(params, carrier, wait.kind); fault != nil {
			return measured, fault
		}
		return measured, protocol.Faultf(protocol.CodeNoReply, "no reply of that size within %s over %s", params.Timeout, params.Path)
	}
}

func (e *Engine) prepareMeasure(
	params protocol.MeasureParams, transaction protocol.Transaction, wait *measureWait,
) (carrier bind.Path, frame []byte, fault *protocol.Fault) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	p := e.peers[params.Peer]
	if p == nil {
		return nil, nil, noSuchPeer(params.Peer)
	}
	place := slices.IndexFunc(p.spec.Paths, func(path protocol.Path) bool { return path.ID == params.Path })
	if place < 0 {
		return nil, nil, noSuchPeer(params.Peer)
	}
	if !e.probeRate.Allow() {
		return nil, nil, protocol.Faultf(protocol.CodeTooMany, "more than %d probes a second", probesPerSecond)
	}
	path := p.spec.Paths[place]
	frame = e.seal(p, probe.Body{
		Kind: probe.Request, Transaction: transaction, Heard: heardBy(e.bind.Hosts.Arrival(p.tag, p.ways[path.ID])),
		Room: probe.ReportsMax, Padding: params.SizeBytes + wireguardOverhead - probe.FrameSizeFull,
	})
	wait.peer, wait.kind, wait.sentAt = p, path.Kind, time.Now()
	e.measures[transaction] = wait
	return p.carriers[path.ID], frame, nil
}

// sendMeasure sends what IPv6 asks of every link in pieces if need be, and what is larger whole or not at all.
func (e *Engine) sendMeasure(
	params protocol.MeasureParams, carrier bind.Path, frame []byte, wait *measureWait,
) *protocol.Fault {
	var err error
	possible := false
	if params.SizeBytes > ipv6MTUMin {
		possible, err = e.bind.SendWhole(frame, carrier)
	}
	if !possible {
		if fault := e.tooLarge(params, carrier, wait.kind); fault != nil {
			return fault
		}
		err = carrier.Send([][]byte{frame})
	}
	if errors.Is(err, unix.EMSGSIZE) {
		if fault := e.tooLarge(params, carrier, wait.kind); fault != nil {
			return fault
		}
	}
	if err != nil {
		e.log.Debug("measuring probe not sent", "path", params.Path, "error", err)
	}
	return nil
}

// tooLarge tells whether the packet could not leave in one piece, as far as the kernel knows now.
func (e *Engine) tooLarge(params protocol.MeasureParams, carrier bind.Path, kind string) *protocol.Fault {
	mtu, known := e.firstHopMTU(carrier, kind)
	if !known || params.SizeBytes <= max(mtu, ipv6MTUMin) {
		return nil
	}
	fault := protocol.Faultf(protocol.CodeTooLarge, "the first hop of %s carries %d bytes whole", params.Path, mtu)
	fault.Data = protocol.TooLarge{MTU: mtu}
	return fault
}

// firstHopMTU is how large an IP packet of the mesh may be for its ciphertext to leave in one piece, as far as
// the kernel knows: the link's MTU, or what a router on the way has said.
func (e *Engine) firstHopMTU(carrier bind.Path, kind string) (mtu int, known bool) {
	overhead := wireguardOverhead + udpHeader
	switch kind {
	case protocol.KindDirect:
	case protocol.KindRelay:
		overhead += relay.HeaderSize
	default:
		// A stream has no size, and a TURN server's overhead depends on the transport.
		return 0, false
	}
	mtu, known = e.bind.PathMTU(carrier.Endpoint())
	if carrier.Endpoint().Addr().Is4() {
		return mtu - overhead - 20, known
	}
	return mtu - overhead - 40, known
}

// measured takes an answer that Measure waits for. The mutex is held.
func (e *Engine) measured(p *peer, body probe.Body, now time.Time) bool {
	wait := e.measures[body.Transaction]
	if wait == nil || wait.peer != p {
		return false
	}
	delete(e.measures, body.Transaction)
	wait.replied <- now.Sub(wait.sentAt)
	return true
}
