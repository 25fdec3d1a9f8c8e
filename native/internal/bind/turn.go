// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net/netip"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/relay"
	"meshgate.dev/native/internal/turn"
)

// A Relayer sends a datagram to a peer's transport address by another way than the one port: through a
// TURN server, or from a punched socket.
type Relayer interface {
	SendTo(datagram []byte, peer netip.AddrPort) error
}

// A Gate is where datagrams come in that do not come to the one port: those of one TURN server, or of
// one punched socket.
type Gate struct {
	bind *Bind
	// way is theirs, but for the address that they come from.
	way relay.Way

	mutex   sync.Mutex
	callers map[netip.AddrPort]*caller
}

// callersMax bounds the addresses that are remembered; whose is forgotten is made again.
const callersMax = 1_024

// Gate makes one for the TURN server of that id.
func (b *Bind) Gate(server string) *Gate { return b.gate(relay.Way{Server: server}) }

func (b *Bind) gate(way relay.Way) *Gate {
	return &Gate{bind: b, way: way, callers: map[netip.AddrPort]*caller{}}
}

// Receive sorts a datagram that a peer has sent there, as if it had come to the port.
func (gate *Gate) Receive(datagram []byte, from netip.AddrPort, over Relayer) {
	way := gate.way
	way.Address = from
	switch Classify(datagram) {
	case WireGuard:
		if ring := gate.bind.ring(); ring == nil || !ring.put(datagram, gate.caller(from, over)) {
			return
		}
		transport, handshakes := uint32(0), uint32(1)
		if datagram[0] == typeTransport {
			transport, handshakes = 1, 0
		}
		gate.bind.Hosts.HeardOver(way, transport, handshakes)
	case Probe:
		gate.bind.inbox.ReceiveProbe(datagram, Source{Endpoint: gate.caller(from, over), Way: way})
	case Relay:
		gate.frame(datagram, way)
	default:
		// Nobody needs our STUN server from there.
		gate.bind.foreign.Add(1)
	}
}

// frame takes a relay frame from a hub that we reach over the same server.
func (gate *Gate) frame(frame []byte, over relay.Way) {
	verdict, err := gate.bind.Hosts.ReadOver(frame, over, time.Now())
	switch {
	case err != nil:
	case verdict.Next != nil:
		if err := gate.bind.sockets.Send([][]byte{frame}, verdict.Next); err != nil {
			gate.bind.Hosts.Lost(1)
		}
	default:
		gate.unwrapped(frame[relay.HeaderSize:], verdict)
	}
}

func (gate *Gate) unwrapped(payload []byte, verdict relay.Verdict) {
	if Classify(payload) == Probe {
		gate.bind.inbox.ReceiveProbe(payload, Source{Member: verdict.Source.Tag, Way: verdict.Way})
		return
	}
	if ring := gate.bind.ring(); ring != nil && ring.put(payload, verdict.Source.Endpoint) {
		verdict.Heard(payload[0] == typeTransport)
	}
}

func (gate *Gate) caller(from netip.AddrPort, over Relayer) *caller {
	gate.mutex.Lock()
	defer gate.mutex.Unlock()
	known := gate.callers[from]
	if known == nil || known.over != over {
		if len(gate.callers) >= callersMax {
			clear(gate.callers)
		}
		known = &caller{StdNetEndpoint: conn.StdNetEndpoint{AddrPort: from}, over: over, way: gate.way}
		known.way.Address = from
		gate.callers[from] = known
	}
	return known
}

// A caller is where a datagram came from that has to be answered the same way.
type caller struct {
	conn.StdNetEndpoint
	over Relayer
	way  relay.Way
}

func (c *caller) send(packets [][]byte) (err error) {
	for _, packet := range packets {
		err = c.over.SendTo(packet, c.AddrPort)
	}
	return err
}

// turned is a path over a TURN server.
type turned struct {
	sent
	path *turn.Path
}

// Turned is a path over a TURN server.
func (b *Bind) Turned(path *turn.Path) Path { return &turned{path: path} }

func (t *turned) Send(packets [][]byte) error {
	t.count(packets)
	if len(packets) == 1 && isProbe(packets[0]) {
		// Whoever sends probes must not wait for a connection that is jammed.
		return t.path.SendNow(packets[0])
	}
	return t.path.Send(packets)
}

// isProbe tells a probe, also one on its way to a hub.
func isProbe(packet []byte) bool {
	class := Classify(packet)
	return class == Probe ||
		class == Relay && len(packet) > relay.HeaderSize && Classify(packet[relay.HeaderSize:]) == Probe
}

// Endpoint is the server's, or none while there is no allocation.
func (t *turned) Endpoint() netip.AddrPort { return t.path.Endpoint() }

type nowhere struct{ sent }

// Nowhere is a path that nothing can leave over.
func Nowhere() Path { return &nowhere{} }

func (*nowhere) Send([][]byte) error      { return ErrNoPath }
func (*nowhere) Endpoint() netip.AddrPort { return netip.AddrPort{} }
