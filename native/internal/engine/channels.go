// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/protocol"
)

// Carried takes a frame of a carrier.
func (e *Engine) Carried(frame channel.Frame, by channel.Carrier) {
	switch frame.Kind {
	case channel.Open:
		if e.bind.Channels.Open(frame.Peer, by) {
			e.channelChanged(frame.Peer, true)
		}
	case channel.Closed:
		if e.bind.Channels.Close(frame.Peer, by) {
			e.channelChanged(frame.Peer, false)
		}
	case channel.Packet:
		e.mutex.Lock()
		p := e.peers[frame.Peer]
		e.mutex.Unlock()
		if p != nil {
			e.bind.ReceiveChannel(frame.Payload, frame.Peer, p.endpoint)
		}
	}
}

// CarrierLeft ends the paths over all channels of a carrier that is gone.
func (e *Engine) CarrierLeft(by channel.Carrier) {
	for _, peer := range e.bind.Channels.Leave(by) {
		e.channelChanged(peer, false)
	}
}

func (e *Engine) channelChanged(key protocol.Key, open bool) {
	e.mutex.Lock()
	var errands []errand
	if p := e.peers[key]; p != nil {
		errands = e.act(p, p.prober.Channel(open, time.Now()))
	}
	e.mutex.Unlock()
	carryOut(errands)
}

// dismissChannel tells the carrier that nothing will go over a channel any more.
func (e *Engine) dismissChannel(before, after []protocol.Path, key protocol.Key) {
	if hasChannel(before) && !hasChannel(after) {
		e.bind.Channels.Send(channel.Frame{Kind: channel.Closed, Peer: key})
	}
}

// isOverChannel tells whether a peer's traffic goes over its data channel. The mutex is held.
func (e *Engine) isOverChannel(p *peer) bool {
	for _, path := range p.spec.Paths {
		if path.ID == p.prober.Active() {
			return path.Kind == protocol.KindChannel
		}
	}
	return false
}

func hasChannel(paths []protocol.Path) bool {
	for _, path := range paths {
		if path.Kind == protocol.KindChannel {
			return true
		}
	}
	return false
}
