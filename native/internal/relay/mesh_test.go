// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/netip"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
)

var now = time.Unix(1_700_000_000, 0)

// A host of the tests' mesh knows all others, has direct paths to all of them, and relays.
type host struct {
	number  byte
	tag     Tag
	address netip.AddrPort
	table   *Table
}

func privateKey(fill byte) (key protocol.Key) {
	key[0], key[31] = fill, fill
	return key
}

func newMesh(t testing.TB, size int) []host {
	t.Helper()
	hosts := make([]host, size)
	for i := range hosts {
		number := byte(i + 1)
		hosts[i] = host{
			number: number, tag: TagOf(protocol.PublicKey(privateKey(number))), table: NewTable(),
			address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, number}), 1),
		}
	}
	for _, self := range hosts {
		self.table.SetOwn(self.tag)
		self.table.Forward(true)
		for _, other := range hosts {
			if other.number != self.number {
				self.meet(t, other)
			}
		}
	}
	return hosts
}

func (h host) meet(t testing.TB, other host) {
	t.Helper()
	pair, err := probe.NewPair(privateKey(100+h.number), protocol.PublicKey(privateKey(100+other.number)))
	if err != nil {
		t.Fatal(err)
	}
	outbound, inbound := pair.HopKeys()
	h.table.Put(Host{Tag: other.tag, Keys: Keys{NewHopKey(outbound), NewHopKey(inbound)}})
	h.table.Expect(other.tag, []Way{{Address: other.address}})
	h.table.Route(other.tag, &conn.StdNetEndpoint{AddrPort: other.address})
}

var (
	transport = append([]byte{4, 0, 0, 0}, make([]byte, 60)...)
	sealed    = append([]byte{0x6d, 0x67, 0x70, 1}, make([]byte, 96)...)
)

// send makes a frame as its origin does.
func (h host) send(t testing.TB, to, hub, other Tag, payload []byte) []byte {
	t.Helper()
	hop, own, ok := h.table.Hop(hub)
	if !ok {
		t.Fatal("the hub has no direct path")
	}
	header := Header{Hops: 1, Destination: to, Source: own, Other: other}
	if other != (Tag{}) {
		header.Hops = HopsMax
	}
	frame := append(make([]byte, HeaderSize), payload...)
	Wrap(frame, header, &hop.Key)
	return frame
}
