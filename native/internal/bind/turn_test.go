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
	if len(inbox.heard) != 0 || inbox.bind.Foreign() != 3 {
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
