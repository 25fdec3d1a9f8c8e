// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/relay"
)

// A relayer remembers what it was given for whom.
type relayer struct{ sent []string }

func (r *relayer) SendTo(datagram []byte, peer netip.AddrPort) error {
	r.sent = append(r.sent, Classify(datagram).String()+" to "+peer.String())
	return nil
}

// An answerer answers each probe to where it came from.
type answerer struct {
	inbox
	bind *Bind
	ways []relay.Way
}

func (a *answerer) ReceiveProbe(datagram []byte, from Source) {
	a.ways = append(a.ways, from.Way)
	_ = a.bind.Answer(datagram, from)
}

var caller1 = netip.MustParseAddrPort("198.51.100.7:7")

func openGate(t *testing.T) (*answerer, *Gate, conn.ReceiveFunc) {
	t.Helper()
	inbox := &answerer{}
	inbox.bind = wrap(&batch{port: 7}, inbox)
	receivers, _, err := inbox.bind.Open(7)
	if err != nil || len(receivers) != 2 {
		t.Fatalf("%d receivers, %v", len(receivers), err)
	}
	return inbox, inbox.bind.Gate("frankfurt"), receivers[1]
}

func space(count int) (packets [][]byte, sizes []int, endpoints []conn.Endpoint) {
	for range count {
		packets = append(packets, make([]byte, 100))
	}
	return packets, make([]int, count), make([]conn.Endpoint, count)
}

func TestWhatComesOverTURNIsSortedAndAnsweredOverIt(t *testing.T) {
	inbox, gate, receive := openGate(t)
	over := &relayer{}
	for _, datagram := range [][]byte{transport, probeFrame, stunRequest, {9, 9, 9, 9}, relay.Magic[:], transport} {
		gate.Receive(datagram, caller1, over)
	}
	packets, sizes, endpoints := space(8)
	count, err := receive(packets, sizes, endpoints)
	if err != nil || !slices.Equal(sizes[:count], []int{64, 64}) || endpoints[0].DstToString() != caller1.String() {
		t.Errorf("sizes %v from %v, %v", sizes[:count], endpoints[0], err)
	}
	if want := (relay.Way{Address: caller1, Server: "frankfurt"}); !slices.Equal(inbox.ways, []relay.Way{want}) {
		t.Errorf("probes came over %v", inbox.ways)
	}
	if len(inbox.heard) != 0 || inbox.bind.Foreign() != 2 {
		t.Errorf("heard %v, %d foreign", inbox.heard, inbox.bind.Foreign())
	}
	// WireGuard answers strangers with a cookie, which has to find its way back.
	if err := inbox.bind.Send([][]byte{transport}, endpoints[0]); err != nil {
		t.Error(err)
	}
	want := []string{"probe to 198.51.100.7:7", "wireguard to 198.51.100.7:7"}
	if !slices.Equal(over.sent, want) {
		t.Errorf("sent %v", over.sent)
	}
}

func TestAHubThatIsReachedOverTURNHandsOverWhatIsForUs(t *testing.T) {
	heard := &inbox{}
	b, peer := newRelayed(&batch{port: 7}, heard)
	b.Hosts.Expect(tagOfHub, []relay.Way{{Address: hubAddress, Server: "frankfurt"}})
	way := relay.Way{Hub: tagOfHub}
	b.Hosts.Expect(tagOfPeer, []relay.Way{way})
	receivers, _, err := b.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	forUs := relay.Header{Destination: tagOfUs, Source: tagOfPeer}
	gate := b.Gate("frankfurt")
	for _, frame := range [][]byte{fromHub(forUs, transport), fromHub(forUs, probeFrame)} {
		gate.Receive(frame, hubAddress, &relayer{})
		// From somewhere else, or over another server, anybody may have sent it.
		gate.Receive(frame, caller1, &relayer{})
		b.Gate("paris").Receive(frame, hubAddress, &relayer{})
	}
	packets, sizes, endpoints := space(8)
	count, err := receivers[1](packets, sizes, endpoints)
	if err != nil || !slices.Equal(sizes[:count], []int{64}) || endpoints[0] != conn.Endpoint(peer) {
		t.Errorf("sizes %v from %v, %v", sizes[:count], endpoints[0], err)
	}
	if want := []string{"probe over a hub"}; !slices.Equal(heard.heard, want) {
		t.Errorf("heard %v", heard.heard)
	}
	if counted := b.Hosts.Arrival(tagOfPeer, way).Transport.Load(); counted != 1 {
		t.Errorf("%d packets are counted over the hub", counted)
	}
}

func TestWhatComesOverTURNForOthersGoesOnFromThePort(t *testing.T) {
	sockets := &batch{port: 7}
	b, _ := newRelayed(sockets, &inbox{})
	b.Hosts.Forward(true)
	b.Hosts.Expect(tagOfHub, []relay.Way{{Address: hubAddress, Server: "frankfurt"}})
	b.Hosts.Route(tagOfPeer, &conn.StdNetEndpoint{AddrPort: netip.MustParseAddrPort("192.0.2.3:3")})
	onwards := relay.Header{Hops: 1, Destination: tagOfPeer, Source: tagOfHub}
	b.Gate("frankfurt").Receive(fromHub(onwards, transport), hubAddress, &relayer{})
	if want := []string{"192.0.2.3:3"}; !slices.Equal(sockets.sentTo, want) {
		t.Errorf("sent on to %v", sockets.sentTo)
	}
}

func TestAProbeIsKnownAlsoOnItsWayToAHub(t *testing.T) {
	to := relay.Header{Hops: 1, Destination: tagOfPeer, Source: tagOfUs}
	for want, packets := range map[bool][][]byte{
		true:  {probeFrame, fromHub(to, probeFrame)},
		false: {transport, fromHub(to, transport), fromHub(to, probeFrame)[:relay.HeaderSize], relay.Magic[:]},
	} {
		for _, packet := range packets {
			if isProbe(packet) != want {
				t.Errorf("%x is taken for a probe: %v", packet, !want)
			}
		}
	}
}

func TestPacketsWaitForWireGuardUpToABound(t *testing.T) {
	inbox, gate, receive := openGate(t)
	for range 2 * ringSize {
		gate.Receive(transport, caller1, &relayer{})
	}
	packets, sizes, endpoints := space(100)
	total := 0
	for total < ringSize {
		count, err := receive(packets, sizes, endpoints)
		if err != nil {
			t.Fatal(err)
		}
		total += count
	}
	if count, _ := inbox.bind.ring().take(packets, sizes, endpoints); total != ringSize || count != 0 {
		t.Errorf("%d packets, and %d more", total, count)
	}
	done := make(chan error)
	go func() {
		_, err := receive(packets, sizes, endpoints)
		done <- err
	}()
	inbox.bind.ring().close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed ring ends with %v", err)
	}
	gate.Receive(transport, caller1, &relayer{})
}

func TestCallersAreBounded(t *testing.T) {
	_, gate, _ := openGate(t)
	over := &relayer{}
	first := gate.caller(caller1, over)
	if gate.caller(caller1, over) != first || gate.caller(caller1, &relayer{}) == first {
		t.Error("a caller is made anew, or outlives its allocation")
	}
	for port := range uint16(2 * callersMax) {
		gate.caller(netip.AddrPortFrom(caller1.Addr(), port), over)
	}
	if len(gate.callers) > callersMax {
		t.Errorf("%d callers", len(gate.callers))
	}
}
