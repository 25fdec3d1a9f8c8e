// SPDX-License-Identifier: Apache-2.0

package punch

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestASocketSpeaksWithOneAddressOnly(t *testing.T) {
	peer, stranger := listen(t), listen(t)
	socket, heard := open(t, peer)
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(socket.Port())))
	_, _ = stranger.WriteToUDP([]byte("from a stranger"), to)
	_, _ = peer.WriteToUDP([]byte("from the peer"), to)
	if got := <-heard; got != "from the peer" {
		t.Errorf("heard %q", got)
	}
}

func TestItCarriesBatchesInOrder(t *testing.T) {
	peer := listen(t)
	socket, heard := open(t, peer)
	socket.Keep()
	packets := [][]byte{}
	for i := range 3 * batchSize / 2 {
		packets = append(packets, fmt.Appendf(nil, "packet %d", i))
	}
	if err := socket.Send(packets); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	for _, want := range packets {
		n, from, err := peer.ReadFromUDP(buffer)
		if err != nil || !bytes.Equal(buffer[:n], want) || from.Port != socket.Port() {
			t.Fatalf("%q from %v, %v", buffer[:n], from, err)
		}
		_, _ = peer.WriteToUDP(buffer[:n], from)
	}
	for _, want := range packets {
		if got := <-heard; got != string(want) {
			t.Fatalf("heard %q, want %q", got, want)
		}
	}
}

func TestItOutlivesAPeerThatIsNotThereYet(t *testing.T) {
	peer := listen(t)
	socket, heard := open(t, peer)
	address := peer.LocalAddr().(*net.UDPAddr)
	_ = peer.Close()
	// In so many the refusal of one meets the next, and not the reader.
	for range 300 {
		_ = socket.Send([][]byte{[]byte("anybody there?"), []byte("nobody?")})
	}
	again, err := net.ListenUDP("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := socket.Send([][]byte{[]byte("hello")}); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	n, from, err := again.ReadFromUDP(buffer)
	if err != nil || string(buffer[:n]) != "hello" {
		t.Fatal(n, err)
	}
	_, _ = again.WriteToUDP([]byte("here I am"), from)
	if got := <-heard; got != "here I am" {
		t.Errorf("heard %q", got)
	}
}

func TestASocketIsTakenOverByTheNextStartWithItsPort(t *testing.T) {
	peer := listen(t)
	first, _ := open(t, peer)
	file, err := first.udp.File()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	next, err := TakeOver(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	if next.Port() != first.Port() || next.Remote() != first.Remote() {
		t.Errorf("it leads from %d to %v", next.Port(), next.Remote())
	}
	heard := make(chan string, 1)
	go next.Pump(func(datagram []byte, _ netip.AddrPort) { heard <- string(datagram) })
	_, _ = peer.WriteToUDP([]byte("as before"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: next.Port()})
	if got := <-heard; got != "as before" {
		t.Errorf("heard %q", got)
	}
}

func TestWhatIsNoPunchedSocketIsNotTakenOver(t *testing.T) {
	file, err := listen(t).File()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TakeOver(file); !errors.Is(err, ErrForeign) {
		t.Errorf("an open one: %v", err)
	}
	if file, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	if _, err := TakeOver(file); err == nil {
		t.Error("no socket at all is taken over")
	}
}

func TestThePaceGrowsForASecond(t *testing.T) {
	for elapsed, want := range map[time.Duration]int{
		0: 1, 500 * time.Millisecond: 26, time.Second: 101, 2 * time.Second: 301, 6 * time.Second: 1101,
	} {
		if got := Due(200, elapsed); got != want {
			t.Errorf("%d probes after %v, want %d", got, elapsed, want)
		}
	}
}

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = socket.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

func open(t *testing.T, peer *net.UDPConn) (*Socket, chan string) {
	t.Helper()
	socket, err := Open(peer.LocalAddr().(*net.UDPAddr).AddrPort(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(socket.Close)
	heard := make(chan string, 10*batchSize)
	go socket.Pump(func(datagram []byte, _ netip.AddrPort) { heard <- string(datagram) })
	return socket, heard
}
