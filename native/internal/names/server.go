// SPDX-License-Identifier: Apache-2.0

package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/semaphore"

	"meshgate.dev/native/internal/fdstore"
)

// questionsMax bounds the questions that are being answered at a time. Those beyond are dropped, and
// asked again by whoever wants to know.
const questionsMax = 256

// A Server answers on the host's own addresses in the mesh, over UDP and TCP.
type Server struct {
	zone      atomic.Pointer[Zone]
	upstreams atomic.Pointer[[]netip.AddrPort]
	own       []netip.Addr
	servers   []*dns.Server
	port      uint16
	room      *semaphore.Weighted
	kept      *fdstore.Store
}

// Listen opens one port, chosen by the kernel, on all of the addresses. Its sockets for datagrams are kept: what is asked
// while there is no helper waits in them for the next one.
func Listen(ctx context.Context, addresses []netip.Addr, zone *Zone, kept *fdstore.Store) (*Server, error) {
	server := &Server{own: addresses, room: semaphore.NewWeighted(questionsMax), kept: kept}
	server.upstreams.Store(&[]netip.AddrPort{})
	server.zone.Store(zone)
	for _, address := range addresses {
		if err := server.listen(ctx, address); err != nil {
			server.Close()
			return nil, fmt.Errorf("names on %s: %w", address, err)
		}
	}
	return server, nil
}

func (server *Server) listen(ctx context.Context, address netip.Addr) error {
	var config net.ListenConfig
	packets := server.takeOver(address)
	if packets == nil {
		opened, err := config.ListenPacket(ctx, "udp", netip.AddrPortFrom(address, server.port).String())
		if err != nil {
			return err
		}
		packets = opened.(*net.UDPConn)
		server.kept.Put(keptAs(address), packets)
	}
	server.port = packets.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	streams, err := config.Listen(ctx, "tcp", netip.AddrPortFrom(address, server.port).String())
	if err != nil {
		_ = packets.Close()
		server.kept.Remove(keptAs(address))
		return err
	}
	handler := dns.HandlerFunc(server.answer)
	idleTime := func() time.Duration { return 5 * time.Second }
	server.start(&dns.Server{PacketConn: packets, Handler: handler})
	server.start(&dns.Server{Listener: streams, Handler: handler, MaxTCPQueries: 64, IdleTimeout: idleTime})
	return nil
}

// keptAs is the name of an address's socket among what is kept for the next start. Colons part names there.
func keptAs(address netip.Addr) string {
	return "names-" + strings.ReplaceAll(address.String(), ":", "-")
}

// takeOver gives the socket that an earlier start has handed on, or nil. One on another port than the others is of no use.
func (server *Server) takeOver(address netip.Addr) *net.UDPConn {
	file := server.kept.Take(keptAs(address))
	if file == nil {
		return nil
	}
	defer file.Close()
	connection, err := net.FilePacketConn(file)
	if err != nil {
		return nil
	}
	packets, ok := connection.(*net.UDPConn)
	if own, isBound := connection.LocalAddr().(*net.UDPAddr); ok && isBound && own.AddrPort().Addr().Unmap() == address &&
		(server.port == 0 || server.port == own.AddrPort().Port()) {
		return packets
	}
	_ = connection.Close()
	return nil
}

func (server *Server) start(listener *dns.Server) {
	started := make(chan struct{})
	listener.NotifyStartedFunc = func() { close(started) }
	failed := make(chan error, 1)
	go func() { failed <- listener.ActivateAndServe() }()
	select {
	case <-started:
	case <-failed:
	}
	server.servers = append(server.servers, listener)
}

// Port is the one that the server listens on.
func (server *Server) Port() uint16 { return server.port }

// Use replaces what the server says.
func (server *Server) Use(zone *Zone) { server.zone.Store(zone) }

// Forward sets the servers that know about all other names, first one first.
func (server *Server) Forward(upstreams []netip.AddrPort) { server.upstreams.Store(&upstreams) }

// Close ends all.
func (server *Server) Close() {
	for _, listener := range server.servers {
		_ = listener.Shutdown()
	}
	for _, address := range server.own {
		server.kept.Remove(keptAs(address))
	}
}

// answer speaks to this host only: what others ask is no business of a host's own resolver.
func (server *Server) answer(to dns.ResponseWriter, asked *dns.Msg) {
	defer func() { _ = to.Close() }()
	if !slices.Contains(server.own, sourceOf(to.RemoteAddr())) || !server.room.TryAcquire(1) {
		return
	}
	defer server.room.Release(1)
	reply := new(dns.Msg)
	reply.SetReply(asked)
	reply.RecursionAvailable = true
	zone := server.zone.Load()
	switch {
	case asked.Opcode != dns.OpcodeQuery:
		reply.Rcode = dns.RcodeNotImplemented
	case len(asked.Question) != 1 || asked.Question[0].Qclass != dns.ClassINET:
		reply.Rcode = dns.RcodeRefused
	case zone != nil && zone.Answer(asked.Question[0], reply):
		fit(reply, asked, to)
	default:
		reply = forward(asked, *server.upstreams.Load(), networkOf(to), reply)
	}
	_ = to.WriteMsg(reply)
}

// fit cuts the reply to what the asker takes, and tells it so.
func fit(reply, asked *dns.Msg, to dns.ResponseWriter) {
	size := dns.MinMsgSize
	if networkOf(to) == "tcp" {
		size = dns.MaxMsgSize
	} else if extension := asked.IsEdns0(); extension != nil {
		reply.SetEdns0(udpSizeMax, false)
		size = max(size, min(int(extension.UDPSize()), udpSizeMax))
	}
	reply.Truncate(size)
}

// udpSizeMax is what the DNS community agreed on for 2020: no fragments anywhere.
const udpSizeMax = 1_232

func networkOf(to dns.ResponseWriter) string { return to.LocalAddr().Network() }

func sourceOf(address net.Addr) netip.Addr {
	switch address := address.(type) {
	case *net.UDPAddr:
		return address.AddrPort().Addr().Unmap()
	case *net.TCPAddr:
		return address.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
