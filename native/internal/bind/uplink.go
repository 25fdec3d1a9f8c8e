// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"golang.zx2c4.com/wireguard/conn"
)

// ErrNoUplink says that no link of this host has an address that packets should leave from.
var ErrNoUplink = errors.New("no link has this address")

// Uplinks says which link, by its index, has which address, and whether more than one of them leads out.
func (b *Bind) Uplinks(links map[netip.Addr]int, several bool) {
	b.uplinks.Store(&links)
	if sockets, ok := b.sockets.(*families); ok {
		sockets.tellsApart.Store(several)
	}
}

// An uplinked path leaves the one port by one of several uplinks. Its datagrams name link and address, so that the
// routing table need not know that hosts with several uplinks choose by source.
type uplinked struct {
	sent
	bind     *Bind
	source   netip.Addr
	to       netip.AddrPort
	endpoint atomic.Pointer[uplinkEndpoint]
}

// An uplinkEndpoint holds for as long as the address is on the same link.
type uplinkEndpoint struct {
	link int
	*conn.StdNetEndpoint
}

// DirectFrom is a path straight to a transport address from an address of ours; from the zero address it leaves as the
// kernel chooses.
func (b *Bind) DirectFrom(source netip.Addr, to netip.AddrPort) Path {
	if !source.IsValid() {
		return b.Direct(to)
	}
	return &uplinked{bind: b, source: source, to: to}
}

// SendFrom sends one datagram of our own, like SendTo, from an address of ours.
func (b *Bind) SendFrom(datagram []byte, source netip.Addr, to netip.AddrPort) error {
	if !source.IsValid() {
		return b.SendTo(datagram, to)
	}
	return b.DirectFrom(source, to).Send([][]byte{datagram})
}

// EndpointFrom is what leads to a transport address from an address of ours, or as the kernel chooses from the zero
// address; nil while no link has it.
func (b *Bind) EndpointFrom(source netip.Addr, to netip.AddrPort) *conn.StdNetEndpoint {
	if !source.IsValid() {
		return &conn.StdNetEndpoint{AddrPort: to}
	}
	if link, ok := b.linkOf(source); ok {
		return endpointFrom(source, link, to)
	}
	return nil
}

func (b *Bind) linkOf(source netip.Addr) (link int, ok bool) {
	if links := b.uplinks.Load(); links != nil {
		link, ok = (*links)[source]
	}
	return link, ok
}

func (path *uplinked) Send(packets [][]byte) error {
	path.count(packets)
	link, ok := path.bind.linkOf(path.source)
	if !ok {
		return ErrNoUplink
	}
	known := path.endpoint.Load()
	if known == nil || known.link != link {
		known = &uplinkEndpoint{link, endpointFrom(path.source, link, path.to)}
		path.endpoint.Store(known)
	}
	return path.bind.sockets.Send(packets, known.StdNetEndpoint)
}

func (path *uplinked) Endpoint() netip.AddrPort { return path.to }

// endpointFrom is what wireguard-go makes of a datagram that has come to the address: it answers from there, over the
// same link.
func endpointFrom(source netip.Addr, link int, to netip.AddrPort) *conn.StdNetEndpoint {
	return newEndpoint(to, leavingFrom(source, uint32(link)))
}
