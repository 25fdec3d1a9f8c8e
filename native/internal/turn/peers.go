// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// peers are those that an allocation serves, from one session to the next.
type peers struct {
	mutex       sync.Mutex
	channels    channels
	permissions permissions
	// changed tells the session that there is somebody new.
	changed chan struct{}
}

func newPeers() *peers {
	return &peers{
		channels:    channels{byPeer: map[netip.AddrPort]*channel{}},
		permissions: permissions{},
		changed:     make(chan struct{}, 1),
	}
}

func (p *peers) want(peer netip.AddrPort) (*channel, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	defer signal(p.changed)
	return p.channels.want(peer, time.Now())
}

func (p *peers) known(peer netip.AddrPort) *channel {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.channels.byPeer[peer]
}

func (p *peers) keep(wanted []netip.AddrPort, permitted []netip.Addr) {
	set := make(map[netip.AddrPort]bool, len(wanted))
	for _, peer := range wanted {
		set[peer] = true
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.channels.keep(set, time.Now())
	p.permissions.keep(permitted)
	signal(p.changed)
}

// A wish is something to ask the server for.
type wish struct {
	method     stun.Method
	attributes []stun.Setter
	settle     func(session uint64, now time.Time, err error)
}

// due gives what has to be asked for now, at most so many, and when there is something next.
func (p *peers) due(session uint64, now time.Time, pace pace, most int) (wishes []wish, next time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	isDue := func(g *grant) bool {
		at := g.dueAt(session, now, pace)
		if !at.After(now) && len(wishes) < most {
			return true
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
		return false
	}
	for _, known := range p.channels.byPeer {
		if known.wanted && isDue(&known.grant) {
			wishes = append(wishes, p.bind(known))
		}
	}
	for address, g := range p.permissions {
		if isDue(g) {
			wishes = append(wishes, p.permit(address, g))
		}
	}
	return wishes, next
}

func (p *peers) bind(known *channel) wish {
	settle := func(session uint64, now time.Time, err error) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		known.grant.settle(session, now, err)
		if err == nil {
			known.bound.Store(session)
		}
	}
	return wish{stun.MethodChannelBind, []stun.Setter{channelNumber(known.number), peerAddress(known.peer)}, settle}
}

func (p *peers) permit(address netip.Addr, g *grant) wish {
	settle := func(session uint64, now time.Time, err error) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		g.settle(session, now, err)
	}
	anyPort := netip.AddrPortFrom(address, 0)
	return wish{stun.MethodCreatePermission, []stun.Setter{peerAddress(anyPort)}, settle}
}
