// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
)

// batch is a receiver that has one batch; it stands for the sockets.
type batch struct {
	conn.Bind
	datagrams [][]byte
	port      uint16
	sent      [][]byte
	sentTo    []string
}

func (b *batch) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	receive := func(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
		for i, datagram := range b.datagrams {
			sizes[i] = copy(packets[i], datagram)
			endpoints[i] = &conn.StdNetEndpoint{AddrPort: netip.MustParseAddrPort("192.0.2.9:9")}
		}
		return len(b.datagrams), nil
	}
	return []conn.ReceiveFunc{receive}, b.port, nil
}

func (b *batch) Send(packets [][]byte, endpoint conn.Endpoint) error {
	b.sent = append(b.sent, packets...)
	b.sentTo = append(b.sentTo, endpoint.DstToString())
	return nil
}

type inbox struct{ heard []string }

func (i *inbox) ReceiveProbe(datagram []byte, from Source) {
	if from.Relayed() {
		i.heard = append(i.heard, "probe over a hub")
		return
	}
	i.heard = append(i.heard, "probe from "+from.Way.Address.String())
}

func (i *inbox) ReceiveSTUN(datagram []byte, from Source) {
	i.heard = append(i.heard, "stun from "+from.Way.Address.String())
}

var (
	probeFrame  = []byte{0x6d, 0x67, 0x70, 0x01, 0xff}
	stunRequest = append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	transport   = append([]byte{4, 0, 0, 0}, make([]byte, 60)...)
)

func TestOnlyWireGuardIsLeftInABatch(t *testing.T) {
	sockets, heard := &batch{port: 7}, &inbox{}
	sockets.datagrams = [][]byte{transport, probeFrame, {}, stunRequest, {9, 9, 9, 9}, transport}
	b := wrap(sockets, heard)
	receivers, _, err := b.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	packets := make([][]byte, 8)
	for i := range packets {
		packets[i] = make([]byte, 100)
	}
	sizes, endpoints := make([]int, 8), make([]conn.Endpoint, 8)
	count, err := receivers[0](packets, sizes, endpoints)
	if err != nil || !slices.Equal(sizes[:count], []int{64, 0, 0, 0, 0, 64}) {
		t.Errorf("sizes %v, %v", sizes[:count], err)
	}
	if want := []string{"probe from 192.0.2.9:9", "stun from 192.0.2.9:9"}; !slices.Equal(heard.heard, want) {
		t.Errorf("heard %v", heard.heard)
	}
	if b.Foreign() != 1 {
		t.Errorf("%d foreign datagrams", b.Foreign())
	}
}

func TestAPortIsKnownEvenIfTheSocketsForgetIt(t *testing.T) {
	b := wrap(&batch{port: 0}, &inbox{})
	if _, port, err := b.Open(4711); err != nil || port != 4711 {
		t.Errorf("port %d, %v", port, err)
	}
	if _, port, err := b.Open(0); err != nil || port == 0 {
		t.Errorf("port %d, %v", port, err)
	}
}

func TestAPeersCiphertextFollowsTheActivePath(t *testing.T) {
	sockets := &batch{}
	b := wrap(sockets, &inbox{})
	peer := &PeerEndpoint{}
	if err := b.Send([][]byte{transport}, peer); !errors.Is(err, ErrNoPath) || peer.DstToString() != "" {
		t.Errorf("without a path: %v, %q", err, peer.DstToString())
	}
	for _, endpoint := range []string{"192.0.2.1:1", "[2001:db8::1]:2"} {
		peer.Use(b.Direct(netip.MustParseAddrPort(endpoint)))
		if err := b.Send([][]byte{transport}, peer); err != nil || peer.DstToString() != endpoint {
			t.Errorf("%v, %q", err, peer.DstToString())
		}
	}
	if want := []string{"192.0.2.1:1", "[2001:db8::1]:2"}; !slices.Equal(sockets.sentTo, want) {
		t.Errorf("sent to %v", sockets.sentTo)
	}
	peer.Use(nil)
	if err := b.Send([][]byte{transport}, peer); !errors.Is(err, ErrNoPath) {
		t.Errorf("without a path again: %v", err)
	}
}

func TestEverythingLeavesTwiceWhileAPathIsOnTrial(t *testing.T) {
	sockets := &batch{}
	b := wrap(sockets, &inbox{})
	peer := &PeerEndpoint{}
	peer.Use(b.Direct(netip.MustParseAddrPort("192.0.2.1:1")))
	peer.Double(b.Direct(netip.MustParseAddrPort("192.0.2.2:2")))
	for _, want := range [][]string{{"192.0.2.2:2", "192.0.2.1:1"}, {"192.0.2.1:1"}} {
		sockets.sentTo = nil
		if err := b.Send([][]byte{transport}, peer); err != nil || !slices.Equal(sockets.sentTo, want) {
			t.Errorf("sent to %v, %v", sockets.sentTo, err)
		}
		peer.Double(nil)
	}
	if got := peer.Active().Sent(); got.Transport != 2 {
		t.Errorf("counted %+v", got)
	}
}

func TestOnlyAdoptedEndpointsAreParsed(t *testing.T) {
	b := wrap(&batch{}, &inbox{})
	peer := &PeerEndpoint{}
	name := b.Adopt("key", peer)
	if got, err := b.ParseEndpoint(name); err != nil || got != conn.Endpoint(peer) {
		t.Errorf("got %v, %v", got, err)
	}
	b.Forget("key")
	for _, text := range []string{name, "key", "192.0.2.1:1", ""} {
		if got, err := b.ParseEndpoint(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestDatagramsAreToldApartByTheirFirstBytes(t *testing.T) {
	for class, datagrams := range map[Class][][]byte{
		WireGuard: {{1, 0, 0, 0}, {2, 0, 0, 0, 9}, {3, 0, 0, 0}, transport},
		Probe:     {probeFrame, probeFrame[:4]},
		STUN:      {stunRequest, append([]byte{0x3f}, stunRequest[1:]...)},
		Foreign: {
			{}, {1}, {1, 0, 0}, {0, 0, 0, 0}, {5, 0, 0, 0}, {1, 0, 0, 1}, {0x6d, 0x67, 0x70, 2},
			stunRequest[:19], append([]byte{0x40}, stunRequest[1:]...),
		},
	} {
		for _, datagram := range datagrams {
			if got := Classify(datagram); got != class {
				t.Errorf("%x is %v, want %v", datagram, got, class)
			}
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, datagram := range [][]byte{transport, probeFrame, stunRequest, {}} {
		f.Add(datagram)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		class := Classify(datagram)
		isWireGuard := len(datagram) >= 4 && binary.LittleEndian.Uint32(datagram)-1 < 4
		if isWireGuard != (class == WireGuard) {
			t.Errorf("%x is %v", datagram, class)
		}
		heard := &inbox{}
		wrap(&batch{}, heard).deliver(class, datagram, &conn.StdNetEndpoint{AddrPort: hubAddress})
		if (class == STUN || class == Probe) != (len(heard.heard) == 1) {
			t.Errorf("%v was told as %v", class, heard.heard)
		}
	})
}
