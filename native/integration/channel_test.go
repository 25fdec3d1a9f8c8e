// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"encoding/json"
	"net"
	"sync/atomic"
	"testing"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/protocol"
)

// A carrier stands in for a program that holds a data channel: what comes for the peer is handed to
// the carrier at the other end.
type carrier struct {
	t      *testing.T
	socket net.Conn
	peer   protocol.Key
	ends   chan struct{}
	// packets counts what was carried, and dismissed tells that the channel is not wanted any more.
	packets   atomic.Int64
	dismissed atomic.Bool
}

func (m *member) carry(t *testing.T, peer *member) *carrier {
	t.Helper()
	socket, err := net.Dial("unix", m.helper.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	line, _ := json.Marshal(object{
		"jsonrpc": "2.0", "id": 1, "method": "carry", "params": object{"protocol": 1, "client": "integration test"},
	})
	if _, err := socket.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	return &carrier{t: t, socket: socket, peer: protocol.PublicKey(peer.private), ends: make(chan struct{})}
}

// join hands on in both directions from now on.
func join(t *testing.T, a, b *carrier) {
	t.Helper()
	for _, way := range [][2]*carrier{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		reader := bufio.NewReader(from.socket)
		if _, err := reader.ReadBytes('\n'); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(from.ends)
			buffer := make([]byte, channel.PayloadSizeMax)
			for {
				frame, err := channel.Read(reader, buffer)
				if err != nil {
					return
				}
				if frame.Kind == channel.Closed {
					from.dismissed.Store(true)
					continue
				}
				from.packets.Add(1)
				frame.Peer = to.peer
				_, _ = to.socket.Write(frame.Bytes())
			}
		}()
	}
	a.say(channel.Open)
	b.say(channel.Open)
}

func (c *carrier) say(kind channel.Kind) {
	_, _ = c.socket.Write(channel.Frame{Kind: kind, Peer: c.peer}.Bytes())
}

func overChannel() object { return object{"id": "channel", "kind": "channel"} }

// newChannelPair has no network between the two at all.
func newChannelPair(t *testing.T) (a, b *member) {
	t.Helper()
	needRoot(t)
	a, b = newMember(t, newNamespace(t, "a"), 1), newMember(t, newNamespace(t, "b"), 2)
	a.agent.apply(a.document(false, b.peer(overChannel())))
	b.agent.apply(b.document(false, a.peer(overChannel())))
	return a, b
}

func TestAChannelCarriesAPeerThatNothingElseReaches(t *testing.T) {
	a, b := newChannelPair(t)
	atA, atB := a.carry(t, b), b.carry(t, a)
	join(t, atA, atB)
	a.awaitPath(t, b, "channel")
	b.awaitPath(t, a, "channel")
	until(t, "the peer answers over the channel", func() bool { return a.namespace.ping(b.address()) })
	echo := a.agent.call("echo", object{"peer": b.key(), "sizeBytes": 1252})
	if echo["path"] != "channel" || echo["endpoint"] != nil {
		t.Errorf("echo says %v", echo)
	}
	until(t, "packets of the session prove the path", func() bool {
		a.namespace.ping(b.address())
		return a.pathOf(t, b, "channel")["carries"] == true
	})
	if path := a.pathOf(t, b, "channel"); path["kind"] != "channel" || path["endpoint"] != nil {
		t.Errorf("the path is %v", path)
	}
}

func TestAChannelFallsWithItsCarrierAndComesBackWithAnother(t *testing.T) {
	a, b := newChannelPair(t)
	atA, atB := a.carry(t, b), b.carry(t, a)
	join(t, atA, atB)
	a.awaitPath(t, b, "channel")
	_ = atA.socket.Close()
	down := a.agent.await("path-down", func(params object) bool { return params["path"] == "channel" })
	if down["reason"] != "there is no data channel to the peer" {
		t.Errorf("down: %v", down)
	}
	a.agent.forget()
	_ = atB.socket.Close()
	<-atB.ends
	join(t, a.carry(t, b), b.carry(t, a))
	a.awaitPath(t, b, "channel")
	until(t, "the peer answers again", func() bool { return a.namespace.ping(b.address()) })
}

func TestAChannelThatIsNotWantedAnyMoreIsDismissed(t *testing.T) {
	a, b := newChannelPair(t)
	atA, atB := a.carry(t, b), b.carry(t, a)
	join(t, atA, atB)
	a.awaitPath(t, b, "channel")
	a.agent.apply(a.document(false, b.peer()))
	until(t, "the carrier is told", func() bool { return atA.dismissed.Load() })
	if atB.dismissed.Load() {
		t.Error("the other end's channel was dismissed, too")
	}
}

func TestOneMembersChannelCarriesNothingOfAnother(t *testing.T) {
	a, b := newChannelPair(t)
	atA, atB := a.carry(t, b), b.carry(t, a)
	// The carrier at a says of all that b sends that it comes from somebody else.
	stranger := newMember(t, newNamespace(t, "c"), 3)
	a.agent.apply(a.document(false, b.peer(overChannel()), stranger.peer(overChannel())))
	atA.peer = protocol.PublicKey(stranger.private)
	join(t, atA, atB)
	until(t, "probes were carried", func() bool { return atB.packets.Load() >= 4 })
	for _, peer := range []*member{b, stranger} {
		if a.pathOf(t, peer, "channel")["up"] != false {
			t.Errorf("the channel to member %d is up", peer.number)
		}
	}
}
