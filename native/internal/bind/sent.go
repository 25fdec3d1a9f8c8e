// SPDX-License-Identifier: Apache-2.0

package bind

import "sync/atomic"

// Sent is how many packets of WireGuard have left over a path: those of sessions, and all others.
type Sent struct{ Transport, Handshakes uint32 }

// sent counts them. Probes are not among them.
type sent struct{ transport, handshakes atomic.Uint32 }

func (s *sent) count(packets [][]byte) {
	transport, handshakes := uint32(0), uint32(0)
	for _, packet := range packets {
		switch {
		case Classify(packet) != WireGuard:
		case packet[0] == typeTransport:
			transport++
		default:
			handshakes++
		}
	}
	s.transport.Add(transport)
	s.handshakes.Add(handshakes)
}

func (s *sent) Add(more Sent) {
	s.transport.Add(more.Transport)
	s.handshakes.Add(more.Handshakes)
}

func (s *sent) Sent() Sent { return Sent{s.transport.Load(), s.handshakes.Load()} }
