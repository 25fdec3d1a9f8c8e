// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// PeersMax bounds the channels of an allocation, and its permissions. It is a quarter of the
	// numbers that there are, so that a number can rest before another peer gets it.
	PeersMax = (numberMax - numberMin + 1) / 4
	// restTime is longer than a server remembers a channel that is not renewed.
	restTime = 11 * time.Minute
)

var errTooManyPeers = errors.New("the allocation has as many peers as it can have")

// A channel is the short way to one peer. A server holds a number and a peer together for minutes
// after they were last used, and refuses either with another partner.
type channel struct {
	peer   netip.AddrPort
	number uint16
	// bound is the session in which the server knows the channel.
	bound atomic.Uint64

	grant      grant
	wanted     bool
	unwantedAt time.Time
}

// channels is guarded by its owner, except for what the data path reads.
type channels struct {
	byPeer   map[netip.AddrPort]*channel
	byNumber [numberMax - numberMin + 1]atomic.Pointer[channel]
	next     int
}

func (c *channels) want(peer netip.AddrPort, now time.Time) (*channel, error) {
	if known := c.byPeer[peer]; known != nil {
		known.wanted = true
		return known, nil
	}
	wanted := 0
	for _, known := range c.byPeer {
		if known.wanted {
			wanted++
		} else if now.Sub(known.unwantedAt) >= restTime {
			c.forget(known)
		}
	}
	if wanted >= PeersMax || len(c.byPeer) == len(c.byNumber) {
		return nil, errTooManyPeers
	}
	for c.byNumber[c.next].Load() != nil {
		c.next = (c.next + 1) % len(c.byNumber)
	}
	made := &channel{peer: peer, number: uint16(numberMin + c.next), wanted: true}
	c.next = (c.next + 1) % len(c.byNumber)
	c.byNumber[made.number-numberMin].Store(made)
	c.byPeer[peer] = made
	return made, nil
}

func (c *channels) forget(known *channel) {
	delete(c.byPeer, known.peer)
	c.byNumber[known.number-numberMin].Store(nil)
}

// keep lets all others rest.
func (c *channels) keep(peers map[netip.AddrPort]bool, now time.Time) {
	for peer, known := range c.byPeer {
		if known.wanted && !peers[peer] {
			known.wanted, known.unwantedAt = false, now
		}
	}
}

// of is called for every datagram that comes.
func (c *channels) of(number uint16) *channel {
	return c.byNumber[number-numberMin].Load()
}
