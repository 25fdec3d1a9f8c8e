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

func (path *direct) Endpoint() netip.AddrPort { return path.endpoint.AddrPort }
