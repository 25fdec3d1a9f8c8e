// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"

	"meshgate.dev/native/internal/punch"
	"meshgate.dev/native/internal/relay"
)

// punched is a direct path that leaves from a socket of its own.
type punched struct {
	sent
	socket *punch.Socket
}

// Punched is a path to the address that a punched socket leads to.
func (b *Bind) Punched(socket *punch.Socket) Path { return &punched{socket: socket} }

func (path *punched) Send(packets [][]byte) error {
	path.count(packets)
	return path.socket.Send(packets)
}

func (path *punched) Endpoint() netip.AddrPort { return path.socket.Remote() }

// Receive sorts what arrives at a punched socket, until it is closed.
func (b *Bind) Receive(socket *punch.Socket) {
	defer b.Mark.Join(socket)()
	gate := b.gate(relay.Way{Socket: socket.Port()})
	socket.Pump(func(datagram []byte, from netip.AddrPort) { gate.Receive(datagram, from, socket) })
}
