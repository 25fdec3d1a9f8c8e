// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/rand"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

// A rogue is a host of which a hub knows the keys, and on which no helper runs: what it says is up to the test.
type rogue struct {
	member
	pair *probe.Pair
}

// newRogue is wired to a hub by a network of that number, on which the hub is 2.
func newRogue(t *testing.T, hub *member, network, number int) *rogue {
	t.Helper()
	r := &rogue{member: member{namespace: newNamespace(t, "r"), number: number}}
	_, _ = rand.Read(r.private[:])
	_, _ = rand.Read(r.probe[:])
	wire(t, r.namespace, hub.namespace, network)
	pair, err := probe.NewPair(r.probe, protocol.PublicKey(hub.probe))
	if err != nil {
		t.Fatal(err)
	}
	r.pair = pair
	return r
}

// frame is one for somebody else, with the code that it takes unless that is spoiled.
func (r *rogue) frame(from, to *member, size int) []byte {
	frame := make([]byte, relay.HeaderSize+size)
	frame[relay.HeaderSize] = 4
	outbound, _ := r.pair.HopKeys()
	key := relay.NewHopKey(outbound)
	relay.Wrap(frame, relay.Header{
		Hops: 1, Source: relay.TagOf(protocol.PublicKey(from.private)), Destination: relay.TagOf(protocol.PublicKey(to.private)),
	}, &key)
	return frame
}

func (r *rogue) question() []byte {
	body := probe.Body{Kind: probe.Request, Stamp: uint64(time.Now().UnixMicro())}
	_, _ = rand.Read(body.Transaction[:])
	var nonce [probe.NonceSize]byte
	_, _ = rand.Read(nonce[:])
	return r.pair.Seal(body, nonce)
}

// dial opens a socket in a namespace; it stays there.
func (n namespace) dial(t *testing.T, from, to string) *net.UDPConn {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	there, err := os.Open("/var/run/netns/" + string(n))
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	socket, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		t.Fatal(back)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

// hears tells whether anything comes within a while.
func hears(socket *net.UDPConn, patience time.Duration) bool {
	_ = socket.SetReadDeadline(time.Now().Add(patience))
	_, err := socket.Read(make([]byte, 2_000))
	return err == nil
}

// besieged is a star whose hub knows a rogue as well.
func besieged(t *testing.T) (s star, r *rogue) {
	t.Helper()
	s = newStar(t, 1)
	hub := s.hubs[0]
	r = newRogue(t, hub, 30, 9)
	hub.agent.apply(hub.document(true,
		s.a.peer(direct(end(10, 1))), s.b.peer(direct(end(20, 1))), r.peer(direct(end(30, 1)))))
	s.a.awaitPath(t, s.b, "relay:1")
	s.b.awaitPath(t, s.a, "relay:1")
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	return s, r
}

func (m *member) forwarded(t *testing.T) object {
	t.Helper()
	return m.agent.call("state", object{})["relayed"].(object)
}

func TestAMemberThatFloodsAHubSlowsOthersAndCutsNobodyOff(t *testing.T) {
	s, r := besieged(t)
	hub := s.hubs[0]
	socket := r.namespace.dial(t, end(30, 1), end(30, 2))
	// Somebody who is no member of the hub's, so that all of it is dropped there; and the peer of others.
	nobody := &member{private: protocol.Key{1}}
	frames := [][]byte{r.frame(&r.member, nobody, 1_200), r.frame(&r.member, s.b, 1_200)}
	var over atomic.Bool
	sent := make(chan int)
	go func() {
		count := 0
		for ; !over.Load(); count++ {
			_, _ = socket.Write(frames[count%2])
			if count%64 == 0 {
				// A flood, and not a test of how the kernel shares two cores.
				time.Sleep(time.Millisecond)
			}
		}
		sent <- count
	}()
	ping := s.a.namespace.background(t, "ping -q -c 60 -i 0.05 -W 1 %s", s.b.address())
	beside := s.a.namespace.background(t, "ping -q -c 60 -i 0.05 -W 1 %s", hub.address())
	said, saidBeside := ping(), beside()
	over.Store(true)
	count := <-sent
	t.Logf("%d frames while others said:\n%s%s", count, said, saidBeside)
	for _, text := range []string{said, saidBeside} {
		if answered(text) < 50 {
			t.Errorf("of 60 pings beside the flood:\n%s", text)
		}
	}
	if dropped := hub.forwarded(t)["dropped"].(float64); dropped < float64(count)/4 {
		t.Errorf("of %d frames half were for nobody, and %v were dropped", count, dropped)
	}
	until(t, "the hub says so once", func() bool { return strings.Count(hub.helper.log.String(), "relay frames were not passed on") == 1 })
}

// answered reads how many pings of a summary were.
func answered(summary string) (count int) {
	for _, word := range strings.Split(summary, ", ") {
		if before, ok := strings.CutSuffix(word, " received"); ok {
			for _, digit := range before {
				count = 10*count + int(digit-'0')
			}
		}
	}
	return count
}

func TestFramesOfWhoIsNotWhoTheySayAreRefusedAndCounted(t *testing.T) {
	s, r := besieged(t)
	hub := s.hubs[0]
	before := hub.forwarded(t)
	// In another's name, from the rogue's own address; with its own name, from an address that is nobody's; with a spoiled code.
	known := r.namespace.dial(t, end(30, 1), end(30, 2))
	r.namespace.sh(t, "ip addr add 192.0.30.77/24 dev w30")
	unknown := r.namespace.dial(t, "192.0.30.77:41820", end(30, 2))
	spoiled := r.frame(&r.member, s.b, 100)
	spoiled[33] ^= 1
	const each = 20
	for range each {
		_, _ = known.Write(r.frame(s.a, s.b, 100))
		_, _ = unknown.Write(r.frame(&r.member, s.b, 100))
		_, _ = known.Write(spoiled)
	}
	until(t, "all are refused", func() bool {
		return hub.forwarded(t)["refused"].(float64)-before["refused"].(float64) == 3*each
	})
	if !s.a.namespace.ping(s.b.address()) {
		t.Error("the pair whose name was taken is cut off")
	}
	until(t, "the hub says so once", func() bool { return strings.Count(hub.helper.log.String(), "relay frames were refused") == 1 })
}

func TestAProbeThatIsSentAgainFromElsewhereMovesNobody(t *testing.T) {
	s, r := besieged(t)
	hub := s.hubs[0]
	own := r.namespace.dial(t, end(30, 1), end(30, 2))
	question := r.question()
	_, _ = own.Write(question)
	if !hears(own, 5*time.Second) {
		t.Fatal("a genuine question is not answered, so this tests nothing")
	}
	r.namespace.sh(t, "ip addr add 192.0.30.77/24 dev w30")
	thief := r.namespace.dial(t, "192.0.30.77:41820", end(30, 2))
	altered := r.question()
	altered[40] ^= 1
	for range 20 {
		_, _ = thief.Write(question)
		_, _ = thief.Write(altered)
	}
	if hears(thief, 500*time.Millisecond) {
		t.Error("a question that was overheard, or altered, is answered")
	}
	before := hub.forwarded(t)["refused"].(float64)
	_, _ = thief.Write(r.frame(&r.member, s.b, 100))
	until(t, "a frame from there is refused", func() bool { return hub.forwarded(t)["refused"].(float64) > before })
	if !s.a.namespace.ping(s.b.address()) {
		t.Error("others are cut off")
	}
}
