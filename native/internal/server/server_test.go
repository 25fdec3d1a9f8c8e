// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/protocol"
)

// still is an engine that does nothing.
type still struct{}

func (still) Instance() string { return "00c0ffee" }
func (still) Apply(*protocol.Desired) (protocol.Applied, *protocol.Fault) {
	return protocol.Applied{Changed: []string{}}, nil
}
func (still) State() protocol.State                                { return protocol.State{} }
func (still) Probe(protocol.ProbeParams) *protocol.Fault           { return nil }
func (still) Search(protocol.SearchParams) *protocol.Fault         { return nil }
func (still) StopSearch(protocol.Key) *protocol.Fault              { return nil }
func (still) SendDatagram(protocol.DatagramParams) *protocol.Fault { return nil }
func (still) Echo(protocol.EchoParams) (protocol.Echoed, *protocol.Fault) {
	return protocol.Echoed{}, protocol.Faultf(protocol.CodeNoReply, "nobody is there")
}

func (still) Measure(protocol.MeasureParams) (protocol.Measured, *protocol.Fault) {
	return protocol.Measured{}, protocol.Faultf(protocol.CodeNoReply, "nobody is there")
}

func (still) Carried(channel.Frame, channel.Carrier) {}
func (still) CarrierLeft(channel.Carrier)            {}

func TestHelloComesFirst(t *testing.T) {
	_, path := serve(t)
	a := connect(t, path)
	a.say(`{"jsonrpc":"2.0","id":1,"method":"state"}`)
	a.expectCode(protocol.CodeHelloFirst)
	a.say(strings.Replace(hello, `"protocol":1`, `"protocol":2`, 1))
	a.expectCode(protocol.CodeProtocolNotSupported)
	a.say(hello)
	a.expectResult()
	a.say(`{"jsonrpc":"2.0","id":1,"method":"state"}`)
	a.expectResult()
	a.say(`{"jsonrpc":"2.0","id":1,"method":"make-coffee"}`)
	a.expectCode(protocol.CodeUnknownMethod)
	a.say(`{"jsonrpc":"2.0","id":1,"method":"echo","params":{"peer":"x"}}`)
	a.expectCode(protocol.CodeInvalidParams)
}

func TestGarbageEndsItsOwnConnectionOnly(t *testing.T) {
	_, path := serve(t)
	good := connect(t, path)
	for text, code := range map[string]int{
		"garbage":                        protocol.CodeParse,
		"[]":                             protocol.CodeInvalidRequest,
		strings.Repeat("x", 4<<20+1):     protocol.CodeInvalidRequest,
		`{"jsonrpc":"2.0","method":"x"}`: protocol.CodeInvalidRequest,
	} {
		bad := connect(t, path)
		// What is too long is refused before all of it is said.
		_, _ = io.WriteString(bad.socket, text+"\n")
		bad.expectCode(code)
		bad.expectEnd()
	}
	good.say(hello)
	good.expectResult()
}

func TestEventsGoToThoseWhoSaidHello(t *testing.T) {
	server, path := serve(t)
	silent, greeted := connect(t, path), connect(t, path)
	silent.say(`{"jsonrpc":"2.0","id":1,"method":"state"}`)
	silent.expectCode(protocol.CodeHelloFirst)
	greeted.say(hello)
	greeted.expectResult()
	greeted.say(`{"jsonrpc":"2.0","id":1,"method":"state"}`)
	greeted.expectResult()
	server.Emit(protocol.DeviceLost{Reason: "test"})
	if message, err := greeted.hear(); err != nil || message.Method != "device-lost" {
		t.Errorf("heard %+v, %v", message, err)
	}
	silent.say(`{"jsonrpc":"2.0","id":1,"method":"state"}`)
	silent.expectCode(protocol.CodeHelloFirst)
}

func TestASlowAgentMissesWhatMayBeMissedAndIsCutOffFromTheRest(t *testing.T) {
	c := newConnection(&Server{}, &net.UnixConn{}, slog.New(slog.DiscardHandler))
	for range queueLength + 5 {
		c.queueEvent([]byte("x"), true)
	}
	if dropped := c.dropped.Load(); dropped != 5 {
		t.Errorf("%d were dropped", dropped)
	}
	select {
	case <-c.done:
		t.Error("cut off for events that may be missed")
	default:
	}
	c.queueEvent([]byte("x"), false)
	<-c.done
}

func TestTheNinthConnectionIsRefused(t *testing.T) {
	_, path := serve(t)
	for range connectionsMax {
		a := connect(t, path)
		a.say(hello)
		a.expectResult()
	}
	connect(t, path).expectEnd()
}

func TestShutdownIsAnsweredBeforeItHappens(t *testing.T) {
	server, path := serve(t)
	a := connect(t, path)
	a.say(hello)
	a.expectResult()
	a.say(`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`)
	a.expectResult()
	<-server.Shutdown()
}

func TestALivingHelpersSocketIsLeftAloneAndADeadOnesIsReplaced(t *testing.T) {
	_, path := serve(t)
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	dead := filepath.Join(t.TempDir(), "dead.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	again, err := Listen(dead)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dead)
	if err != nil || info.Mode().Perm() != socketMode {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_ = again.Close()
	if err := os.WriteFile(dead, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(dead); err == nil {
		t.Error("a file was replaced")
	}
}

func TestOnlyRootOurselvesAndThoseNamedMayConnect(t *testing.T) {
	for uid, want := range map[uint32]bool{0: true, 500: true, 990: true, 1000: false} {
		if got := mayConnect(uid, 500, []uint32{990}); got != want {
			t.Errorf("%d: %t", uid, got)
		}
	}
}

// A carried engine notes what carriers say.
type carried struct {
	still
	said chan channel.Frame
	left chan channel.Carrier
}

func (e carried) Carried(frame channel.Frame, by channel.Carrier) {
	frame.Payload = append([]byte{}, frame.Payload...)
	e.said <- frame
	by.Carry(frame.Bytes())
}
func (e carried) CarrierLeft(by channel.Carrier) { e.left <- by }

const carry = `{"jsonrpc":"2.0","id":1,"method":"carry","params":{"protocol":1,"client":"test"}}`

func TestACarrierSpeaksFramesBothWaysUntilItSaysSomethingElse(t *testing.T) {
	engine := carried{said: make(chan channel.Frame, 4), left: make(chan channel.Carrier, 4)}
	_, path := serveWith(t, engine)
	a := connect(t, path)
	a.say(carry)
	a.expectResult()
	frame := channel.Frame{Kind: channel.Packet, Peer: protocol.Key{7}, Payload: []byte("ciphertext")}
	if _, err := a.socket.Write(frame.Bytes()); err != nil {
		t.Fatal(err)
	}
	if said := <-engine.said; said.Peer != frame.Peer || string(said.Payload) != "ciphertext" {
		t.Errorf("said %v", said)
	}
	back := make([]byte, len(frame.Bytes()))
	if _, err := io.ReadFull(a.lines, back); err != nil || string(back) != string(frame.Bytes()) {
		t.Errorf("carried %x, %v", back, err)
	}
	a.say(hello)
	a.expectEnd()
	<-engine.left
}

func TestAnAgentCannotBecomeACarrier(t *testing.T) {
	_, path := serve(t)
	a := connect(t, path)
	a.say(hello)
	a.expectResult()
	a.say(carry)
	a.expectCode(protocol.CodeUnknownMethod)
	b := connect(t, path)
	b.say(strings.Replace(carry, `"protocol":1`, `"protocol":2`, 1))
	b.expectCode(protocol.CodeProtocolNotSupported)
}
