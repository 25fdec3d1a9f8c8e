// SPDX-License-Identifier: Apache-2.0

// Package bind puts everything that meshgate says to other hosts on one UDP port. It wraps
// wireguard-go's own sockets, so that batches and segmentation offload stay as they are, takes out
// what is not WireGuard's, and sends each peer's ciphertext over whichever path is active.
package bind

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/flow"
	"meshgate.dev/native/internal/fwmark"
	"meshgate.dev/native/internal/relay"
)

// An Inbox takes the datagrams that are not WireGuard's. It runs on the goroutine that receives, so
// it must not wait; the bytes are its own only until it returns.
type Inbox interface {
	ReceiveProbe(datagram []byte, from Source)
	ReceiveSTUN(datagram []byte, from Source)
}

// A Source is where a datagram came from and where it arrived, so that an answer leaves from the
// address that was asked, or goes back over the same hubs or the same data channel.
type Source struct {
	conn.Endpoint
	Way relay.Way
	// Member is who sent a datagram that came over hubs, as they say, or to whom the data channel leads.
	Member relay.Tag
	// channel leads back if it came over one.
	channel Path
}

// Relayed tells that a datagram came from no address of its own: over hubs, or over a data channel.
func (source Source) Relayed() bool { return !source.Way.Address.IsValid() }

// Bind is a conn.Bind.
type Bind struct {
	sockets conn.Bind
	inbox   Inbox

	// Hosts are the members as relay frames name them.
	Hosts *relay.Table

	// Channels are the data channels to members.
	Channels *channel.Table

	// Outbound and Inbound count the packets of sessions that wireguard-go holds.
	Outbound *flow.Window
	Inbound  *flow.Window

	mutex sync.RWMutex
	peers map[string]*PeerEndpoint

	// Mark is what the sockets beside the one port bear.
	Mark fwmark.Mark

	// relayed are WireGuard's packets that came over TURN servers.
	relayed atomic.Pointer[ring]

	// uplinks are the links' indices by their addresses.
	uplinks atomic.Pointer[map[netip.Addr]int]

	foreign atomic.Uint64
}

var _ conn.Bind = (*Bind)(nil)

// New wraps the sockets that wireguard-go would use by itself.
func New(inbox Inbox) *Bind {
	return wrap(&families{}, inbox)
}

// Over puts other sockets in the place of those, before the port is opened; nil is those.
func (b *Bind) Over(sockets conn.Bind) {
	if sockets == nil {
		sockets = &families{}
	}
	b.sockets = sockets
}

func wrap(sockets conn.Bind, inbox Inbox) *Bind {
	return &Bind{
		sockets: sockets, inbox: inbox, peers: map[string]*PeerEndpoint{}, Hosts: relay.NewTable(),
		Channels: channel.NewTable(), Outbound: flow.NewWindow(), Inbound: flow.NewWindow(),
	}
}

// Open listens on one port for both families.
func (b *Bind) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	wanted := port
	if port == 0 {
		// Where IPv6 is off the sockets report port 0 for a port that the kernel chose, so it is chosen here.
		var err error
		if wanted, err = freePort(); err != nil {
			return nil, 0, err
		}
	}
	receivers, actual, err := b.sockets.Open(wanted)
	if err != nil {
		return nil, 0, err
	}
	if actual == 0 {
		actual = wanted
	}
	for i, receive := range receivers {
		receivers[i] = b.sorted(receive)
	}
	b.relayed.Store(newRing())
	return append(receivers, b.counted(b.ring().receive)), actual, nil
}

// freePort may be taken again by the time it is used, which is then an ordinary failure to open.
func freePort() (uint16, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	return socket.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
}

func (b *Bind) sorted(receive conn.ReceiveFunc) conn.ReceiveFunc {
	r := &receiver{bind: b}
	return func(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
		b.Inbound.Wait()
		count, err := receive(packets, sizes, endpoints)
		b.Inbound.Enter(r.receive(packets, sizes[:count], endpoints))
		return count, err
	}
}

// counted is for packets that are sorted already.
func (b *Bind) counted(receive conn.ReceiveFunc) conn.ReceiveFunc {
	return func(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
		b.Inbound.Wait()
		count, err := receive(packets, sizes, endpoints)
		data := 0
		for i, size := range sizes[:count] {
			if size > 0 && b.undoes(packets[i][:size], endpoints[i]) {
				sizes[i] = 0
			} else if size > keepaliveSize {
				data++
			}
		}
		b.Inbound.Enter(data)
		return count, err
	}
}

func (b *Bind) ring() *ring { return b.relayed.Load() }

func (b *Bind) deliver(class Class, datagram []byte, endpoint conn.Endpoint) {
	source := Source{Endpoint: endpoint, Way: b.wayOf(b.originOf(endpoint))}
	switch class {
	case Probe:
		b.inbox.ReceiveProbe(datagram, source)
	case STUN:
		b.inbox.ReceiveSTUN(datagram, source)
	default:
		b.foreign.Add(1)
	}
}

// Foreign counts the datagrams that were nobody's.
func (b *Bind) Foreign() uint64 { return b.foreign.Load() }

// Close closes the sockets; Open may follow.
func (b *Bind) Close() error {
	if closed := b.relayed.Swap(nil); closed != nil {
		closed.close()
	}
	return b.sockets.Close()
}

// SetMark marks the sockets, also those that are not of the one port.
func (b *Bind) SetMark(mark uint32) error {
	return errors.Join(b.Mark.Set(mark), b.sockets.SetMark(mark))
}

// BatchSize is that of the sockets.
func (b *Bind) BatchSize() int { return b.sockets.BatchSize() }

// Send sends ciphertext, in batches.
func (b *Bind) Send(packets [][]byte, endpoint conn.Endpoint) error {
	if peer, ok := endpoint.(*PeerEndpoint); ok {
		defer b.Outbound.Leave(len(packets))
		return peer.send(packets)
	}
	// What is left is an answer to an unknown host: WireGuard's cookie reply.
	if c, ok := endpoint.(*caller); ok {
		return c.send(packets)
	}
	return b.sockets.Send(packets, endpoint)
}

// Sender is the peer whose packet came from an endpoint that receiving has given, or nil if that is
// nobody's, or several peers claim it.
func (b *Bind) Sender(endpoint conn.Endpoint) *PeerEndpoint {
	way := b.wayOf(b.originOf(endpoint))
	switch from := endpoint.(type) {
	case *PeerEndpoint:
		return from
	case *caller:
		way = from.way
	}
	peer, _ := b.Hosts.At(way).(*PeerEndpoint)
	return peer
}

// SendTo sends one datagram of our own. It goes alone: a batch may reach a raw socket as one.
func (b *Bind) SendTo(datagram []byte, to netip.AddrPort) error {
	return b.sockets.Send([][]byte{datagram}, &conn.StdNetEndpoint{AddrPort: to})
}

// Answer sends one datagram back from where the question arrived.
func (b *Bind) Answer(datagram []byte, to Source) error {
	if to.Way.Channel {
		return to.channel.Send([][]byte{datagram})
	}
	if to.Relayed() {
		return b.Relay(to.Member, to.Way.Hub, to.Way.Other).Send([][]byte{datagram})
	}
	return b.Send([][]byte{datagram}, to.Endpoint)
}

// AnswerAt is Answer to another port of whoever asked.
func (b *Bind) AnswerAt(datagram []byte, to Source, port uint16) error {
	if endpoint, ok := to.Endpoint.(*conn.StdNetEndpoint); ok && endpoint.Port() != port {
		// A copy, because it also says from which of our addresses to answer.
		other := *endpoint
		other.AddrPort = netip.AddrPortFrom(endpoint.Addr(), port)
		to.Endpoint = &other
	}
	return b.Answer(datagram, to)
}

var errForeignEndpoint = errors.New("endpoints are the helper's: paths move, endpoints do not")

const peerScheme = "peer:"

// Adopt makes a peer's endpoint known; the text that it returns is what WireGuard's configuration
// names it by.
func (b *Bind) Adopt(key string, endpoint *PeerEndpoint) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.peers[key] = endpoint
	return peerScheme + key
}

// Peer is the endpoint that was adopted for a key, or nil.
func (b *Bind) Peer(key string) *PeerEndpoint {
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	return b.peers[key]
}

// Forget is the opposite of Adopt.
func (b *Bind) Forget(key string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delete(b.peers, key)
}

// ParseEndpoint knows only adopted endpoints.
func (b *Bind) ParseEndpoint(text string) (conn.Endpoint, error) {
	key, ok := strings.CutPrefix(text, peerScheme)
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	endpoint := b.peers[key]
	if !ok || endpoint == nil {
		return nil, fmt.Errorf("%q: %w", text, errForeignEndpoint)
	}
	return endpoint, nil
}
