// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// These run without the race detector too, which is where the numbers mean something.

func TestNothingIsAllocatedForAPacketThatComes(t *testing.T) {
	p := newPeers()
	known, _ := p.want(netip.MustParseAddrPort("192.0.2.1:7"))
	heard := 0
	s := &session{peers: p, deliver: func([]byte, netip.AddrPort) { heard++ }}
	frame := appendFrame(nil, known.number, make([]byte, 1_300))
	strange := indication(t, "192.0.2.1:9", make([]byte, 1_300))
	if count := testing.AllocsPerRun(100, func() { s.take(frame); s.take(strange) }); count != 0 {
		t.Errorf("%v allocations", count)
	}
	if heard != 202 {
		t.Errorf("%d datagrams are heard", heard)
	}
}

func TestNothingIsAllocatedForABatchThatLeaves(t *testing.T) {
	batch := [][]byte{make([]byte, 1_300), make([]byte, 1_300), make([]byte, 200), make([]byte, 1_300)}
	peer := newHost(t, "127.0.0.1:0")
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(peer.address))
	if err != nil {
		t.Fatal(err)
	}
	over := newDatagrams(socket)
	defer over.close()
	if count := testing.AllocsPerRun(100, func() { _ = over.data(numberMin, batch, 0) }); count != 0 {
		t.Errorf("%v allocations over UDP", count)
	}
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	through := newStream(near)
	defer through.close()
	until(t, "the buffers have grown", func() bool { return through.data(numberMin, batch, time.Second) == nil })
	if count := testing.AllocsPerRun(500, func() { _ = through.data(numberMin, batch, time.Second) }); count > 2 {
		t.Errorf("%v allocations over a stream", count)
	}
}

func TestAJammedConnectionLosesDatagramsAndNotRequests(t *testing.T) {
	jammed := newOutbox()
	batch := [][]byte{make([]byte, 1_300)}
	held := 0
	for ; jammed.put(numberMin, batch, 0) == nil; held++ {
		if held > outboxMax {
			t.Fatal("there is no bound")
		}
	}
	if err := jammed.putMessage(make([]byte, 100)); err != nil {
		t.Error(err)
	}
	began := time.Now()
	if err := jammed.put(numberMin, batch, 10*time.Millisecond); err == nil || time.Since(began) < 10*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	near, far := net.Pipe()
	go func() { _ = jammed.drain(near) }()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	if err := jammed.put(numberMin, batch, time.Second); err != nil {
		t.Error(err)
	}
	jammed.close()
	if err := jammed.put(numberMin, batch, 0); err == nil {
		t.Error("a closed outbox takes more")
	}
}
