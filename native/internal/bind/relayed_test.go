// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/relay"
)

var (
	tagOfUs, tagOfHub, tagOfPeer = relay.Tag{1}, relay.Tag{2}, relay.Tag{3}
	hubAddress                   = netip.MustParseAddrPort("192.0.2.9:9")
	hubKeys                      = relay.Keys{Outbound: relay.NewHopKey([16]byte{1}), Inbound: relay.NewHopKey([16]byte{2})}
)

// newRelayed is a bind that knows a hub and a member behind it.
func newRelayed(sockets *batch, heard *inbox) (*Bind, *PeerEndpoint) {
	b, peer := wrap(sockets, heard), &PeerEndpoint{}
	b.Hosts.SetOwn(tagOfUs)
	b.Hosts.Put(relay.Host{Tag: tagOfHub, Keys: hubKeys, Endpoint: &PeerEndpoint{}})
	b.Hosts.Put(relay.Host{Tag: tagOfPeer, Endpoint: peer})
	b.Hosts.Expect(tagOfHub, []relay.Way{{Address: hubAddress}})
	b.Hosts.Route(tagOfHub, &conn.StdNetEndpoint{AddrPort: hubAddress})
	return b, peer
}

func fromHub(header relay.Header, payload []byte) []byte {
	frame := append(make([]byte, relay.HeaderSize), payload...)
	relay.Wrap(frame, header, &hubKeys.Inbound)
	return frame
}

func receiveAll(t *testing.T, b *Bind, size int) (packets [][]byte, endpoints []conn.Endpoint) {
	t.Helper()
	receivers, _, err := b.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	for range size {
		packets = append(packets, make([]byte, 2_000))
	}
	sizes, endpoints := make([]int, size), make([]conn.Endpoint, size)
	count, err := receivers[0](packets, sizes, endpoints)
	if err != nil || count != size {
		t.Fatalf("%d datagrams, %v", count, err)
	}
	for i := range packets {
		packets[i] = packets[i][:sizes[i]]
	}
	return packets, endpoints
}

func TestWhatComesOverAHubIsLeftInTheBatchAsThePeers(t *testing.T) {
	sockets, heard := &batch{port: 7}, &inbox{}
	b, peer := newRelayed(sockets, heard)
	forUs := relay.Header{Destination: tagOfUs, Source: tagOfPeer}
	sockets.datagrams = [][]byte{
		fromHub(forUs, transport), fromHub(forUs, probeFrame), fromHub(relay.Header{Destination: tagOfUs, Source: relay.Tag{9}}, transport),
	}
	packets, endpoints := receiveAll(t, b, 3)
	if !bytes.Equal(packets[0], transport) || endpoints[0] != conn.Endpoint(peer) || len(packets[1])+len(packets[2]) != 0 {
		t.Errorf("left are %x, the first one from %v", packets, endpoints[0])
	}
	if want := []string{"probe over a hub"}; !slices.Equal(heard.heard, want) {
		t.Errorf("heard %v", heard.heard)
	}
}

func TestAHubSendsOnWhatABatchHasForOneMemberAtOnce(t *testing.T) {
	sockets := &batch{port: 7}
	b, _ := newRelayed(sockets, &inbox{})
	b.Hosts.Forward(true)
	b.Hosts.Route(tagOfPeer, &conn.StdNetEndpoint{AddrPort: netip.MustParseAddrPort("192.0.2.3:3")})
	onwards := relay.Header{Hops: 1, Destination: tagOfPeer, Source: tagOfHub}
	sockets.datagrams = [][]byte{fromHub(onwards, transport), transport, fromHub(onwards, transport), fromHub(onwards, transport)}
	packets, _ := receiveAll(t, b, 4)
	if want := []string{"192.0.2.3:3"}; !slices.Equal(sockets.sentTo, want) || len(sockets.sent) != 3 {
		t.Errorf("%d frames were sent on, to %v", len(sockets.sent), sockets.sentTo)
	}
	if !bytes.Equal(packets[1], transport) || len(packets[0])+len(packets[2])+len(packets[3]) != 0 {
		t.Errorf("left are %x", packets)
	}
}

func TestABatchLeavesAsOneAndItsFramesLieOneAfterTheOther(t *testing.T) {
	sockets := &batch{}
	b, _ := newRelayed(sockets, &inbox{})
	path := b.Relay(tagOfPeer, tagOfHub, relay.Tag{})
	if err := path.Send([][]byte{transport, transport, probeFrame}); err != nil {
		t.Fatal(err)
	}
	if len(sockets.sentTo) != 1 || len(sockets.sent) != 3 || path.Endpoint() != hubAddress {
		t.Errorf("sent %d frames to %v", len(sockets.sent), sockets.sentTo)
	}
	first, second := sockets.sent[0], sockets.sent[1]
	if joined := first[:len(first)+len(second)]; &joined[len(first)] != &second[0] {
		t.Error("segmentation offload would have to copy")
	}
	if got := path.Sent(); got != (Sent{Transport: 2}) {
		t.Errorf("counted %+v", got)
	}
	b.Hosts.Route(tagOfHub, nil)
	if err := path.Send([][]byte{transport}); err == nil || path.Endpoint().IsValid() {
		t.Errorf("without the hub: %v", err)
	}
}

// A carrier remembers the frames that it was given.
type carrier struct{ frames [][]byte }

func (c *carrier) Send(frames [][]byte) error {
	for _, frame := range frames {
		c.frames = append(c.frames, bytes.Clone(frame))
	}
	return nil
}

func (*carrier) Endpoint() netip.AddrPort { return caller1 }

func TestFramesLeaveOverTURNWhileTheHubHasNoDirectPath(t *testing.T) {
	sockets, over := &batch{}, &carrier{}
	b, _ := newRelayed(sockets, &inbox{})
	b.Hosts.RouteOver(tagOfHub, over)
	path := b.Relay(tagOfPeer, tagOfHub, relay.Tag{})
	if err := path.Send([][]byte{transport}); err != nil || len(over.frames) != 0 || path.Endpoint() != hubAddress {
		t.Errorf("with a direct path %d frames leave over TURN, %v", len(over.frames), err)
	}
	b.Hosts.Route(tagOfHub, nil)
	if err := path.Send([][]byte{transport, transport}); err != nil || path.Endpoint() != caller1 {
		t.Errorf("to %v: %v", path.Endpoint(), err)
	}
	if len(sockets.sent) != 1 || len(over.frames) != 2 || !relay.Genuine(over.frames[0], &hubKeys.Outbound) {
		t.Errorf("%d frames left from the port, %d over TURN", len(sockets.sent), len(over.frames))
	}
	b.Hosts.RouteOver(tagOfHub, nil)
	if err := path.Send([][]byte{transport}); err == nil || path.Endpoint().IsValid() {
		t.Errorf("without the hub: %v", err)
	}
}

func TestABatchLargerThanTheArenaLeavesInParts(t *testing.T) {
	sockets := &batch{}
	b, _ := newRelayed(sockets, &inbox{})
	packets := [][]byte{}
	for range 8 {
		packets = append(packets, append([]byte{4, 0, 0, 0}, make([]byte, relay.PayloadSizeMax-4)...))
	}
	if err := b.Relay(tagOfPeer, tagOfHub, relay.Tag{}).Send(packets); err != nil || len(sockets.sent) != 8 || len(sockets.sentTo) < 2 {
		t.Errorf("%d frames in %d parts, %v", len(sockets.sent), len(sockets.sentTo), err)
	}
	if err := b.Relay(tagOfPeer, tagOfHub, relay.Tag{}).Send([][]byte{make([]byte, relay.PayloadSizeMax+1)}); err == nil {
		t.Error("what is too large was sent")
	}
}
