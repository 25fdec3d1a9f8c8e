// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"

	"golang.zx2c4.com/wireguard/conn"
)

type direct struct {
	sent
	bind     *Bind
	endpoint *conn.StdNetEndpoint
}

// Direct is a path straight to a transport address.
func (b *Bind) Direct(to netip.AddrPort) Path {
	return &direct{bind: b, endpoint: &conn.StdNetEndpoint{AddrPort: to}}
}

func (path *direct) Send(packets [][]byte) error {
	path.count(packets)
	return path.bind.sockets.Send(packets, path.endpoint)
}

// A Straight path needs nothing of us on the way: an engine may send over it by itself, and then tells
// what it has sent.
type Straight interface {
	Path
	// Add counts packets that have left without us.
	Add(Sent)
}

// AsStraight tells whether a path is one.
func AsStraight(path Path) (Straight, bool) {
	straight, ok := path.(*direct)
	return straight, ok
}

func (path *direct) Endpoint() netip.AddrPort { return path.endpoint.AddrPort }
