// SPDX-License-Identifier: Apache-2.0

package echo

import (
	"net"
	"net/netip"

	"golang.org/x/time/rate"

	"meshgate.dev/native/internal/meshsocket"
)

// repliesPerSecond bounds what the members together can make us send.
const repliesPerSecond = 1_000

// An Inbox takes what the sockets hear. WireGuard has authenticated the addresses.
type Inbox interface {
	// EchoReplied takes the id of a reply.
	EchoReplied(from netip.Addr, id uint64)
	// EchoCarried takes the size of every frame, in and out, as WireGuard counts it.
	EchoCarried(peer netip.Addr, bytes uint64)
}

// Sockets are those on the mesh addresses.
type Sockets struct {
	inbox   Inbox
	limiter *rate.Limiter
	mesh    *meshsocket.Sockets
}

// Open forbids fragments, so that an echo of a size proves that size.
func Open(device string, addresses []netip.Addr, inbox Inbox) (*Sockets, error) {
	sockets := &Sockets{inbox: inbox, limiter: rate.NewLimiter(repliesPerSecond, repliesPerSecond)}
	config := meshsocket.Config{Device: device, Addresses: addresses, Port: Port}
	mesh, err := meshsocket.Open(config, sockets.receive)
	if err != nil {
		return nil, err
	}
	sockets.mesh = mesh
	return sockets, nil
}

// Send asks the member at an address.
func (sockets *Sockets) Send(to netip.Addr, id uint64, size int) error {
	frame := newRequest(id, size)
	if err := sockets.mesh.Send(netip.AddrPortFrom(to, Port), frame); err != nil {
		return err
	}
	sockets.carried(to, frame)
	return nil
}

func (sockets *Sockets) receive(socket *net.UDPConn, frame []byte, from netip.AddrPort) {
	kind, id, ok := parse(frame)
	if !ok {
		return
	}
	sockets.carried(from.Addr(), frame)
	if kind == reply {
		sockets.inbox.EchoReplied(from.Addr(), id)
		return
	}
	if !sockets.limiter.Allow() {
		return
	}
	intoReply(frame)
	// A reply that cannot be sent is a reply lost, which is what the other side measures.
	if _, err := socket.WriteToUDPAddrPort(frame, from); err == nil {
		sockets.carried(from.Addr(), frame)
	}
}

func (sockets *Sockets) carried(peer netip.Addr, frame []byte) {
	sockets.inbox.EchoCarried(peer, CarriedSize(len(frame), peer.Is6()))
}

// Close waits for the last frame to be taken.
func (sockets *Sockets) Close() error { return sockets.mesh.Close() }
