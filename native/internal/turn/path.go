// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"net/netip"
	"time"
)

// sendPatience is how long ciphertext waits for room on a connection before it is lost. It is what
// slows a sender down to the speed of the connection.
const sendPatience = 20 * time.Millisecond

var (
	errDown     = errors.New("there is no allocation now")
	errNotBound = errors.New("the server does not know the peer yet")
)

// A Path sends to one peer's transport address through the server.
type Path struct {
	allocation *Allocation
	channel    *channel
}

// Path asks the server to let the peer in, and is of use as soon as it has.
func (a *Allocation) Path(peer netip.AddrPort) (*Path, error) {
	known, err := a.peers.want(peer)
	if err != nil {
		return nil, err
	}
	return &Path{allocation: a, channel: known}, nil
}

// Send sends a batch, which is the caller's again when it returns.
func (path *Path) Send(packets [][]byte) error { return path.send(packets, sendPatience) }

// SendNow sends one datagram, or loses it: it does not wait.
func (path *Path) SendNow(datagram []byte) error { return path.send([][]byte{datagram}, 0) }

func (path *Path) send(packets [][]byte, patience time.Duration) error {
	s := path.allocation.session.Load()
	if s == nil {
		return errDown
	}
	if path.channel.bound.Load() != s.number {
		return errNotBound
	}
	return s.link.data(path.channel.number, packets, patience)
}

// Endpoint is the server, which is where the ciphertext leaves for; invalid without an allocation.
func (path *Path) Endpoint() netip.AddrPort {
	if s := path.allocation.session.Load(); s != nil {
		return s.server
	}
	return netip.AddrPort{}
}

// Peer is the address that the server sends on to.
func (path *Path) Peer() netip.AddrPort { return path.channel.peer }

// SendTo sends one datagram, without waiting, to a peer that need not have a path; the server passes
// it on only if it has let that address in.
func (a *Allocation) SendTo(datagram []byte, peer netip.AddrPort) error {
	s := a.session.Load()
	if s == nil {
		return errDown
	}
	if known := a.peers.known(peer); known != nil && known.bound.Load() == s.number {
		return s.link.data(known.number, [][]byte{datagram}, 0)
	}
	return s.sendTo(datagram, peer)
}
