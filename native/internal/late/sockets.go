// SPDX-License-Identifier: Apache-2.0

package late

import (
	"net"
	"net/netip"

	"meshgate.dev/native/internal/meshsocket"
)

// Port is where every member takes late answers, and where they come from.
const Port = 4863

// An Inbox takes what has come from a member. WireGuard has authenticated its address.
type Inbox interface {
	LateArrived(from netip.Addr, packet []byte)
}

// Sockets are those on the mesh addresses.
type Sockets struct{ mesh *meshsocket.Sockets }

// Open lets the kernel cut what has become too long: a packet that filled the path has another header before it now.
func Open(device string, addresses []netip.Addr, inbox Inbox) (*Sockets, error) {
	config := meshsocket.Config{Device: device, Addresses: addresses, Port: Port, Fragments: true}
	mesh, err := meshsocket.Open(config, func(_ *net.UDPConn, packet []byte, from netip.AddrPort) {
		// Another port is another program's, which may be anybody's on that host.
		if from.Port() == Port {
			inbox.LateArrived(from.Addr(), packet)
		}
	})
	if err != nil {
		return nil, err
	}
	return &Sockets{mesh}, nil
}

// Send has the member at an address take a packet. One that cannot be sent is lost, as it would have been without.
func (sockets *Sockets) Send(to netip.Addr, packet []byte) {
	_ = sockets.mesh.Send(netip.AddrPortFrom(to, Port), packet)
}

// Close waits for the last packet to be taken.
func (sockets *Sockets) Close() error { return sockets.mesh.Close() }
