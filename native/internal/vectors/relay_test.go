// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
)

type relays struct {
	Description string           `json:"description"`
	Hosts       []relayHost      `json:"hosts"`
	Frames      []relayVector    `json:"frames"`
	Refused     []relayedRefusal `json:"refused"`
}

type relayHost struct {
	Name            string       `json:"name"`
	WireGuardKey    protocol.Key `json:"publicKey"`
	ProbePrivateKey protocol.Key `json:"probePrivateKey"`
	TagHex          string       `json:"tagHex"`
}

type relayVector struct {
	Name        string `json:"name"`
	From        string `json:"from"`
	To          string `json:"to"`
	HopsLeft    uint8  `json:"hopsLeft"`
	Destination string `json:"destination"`
	Source      string `json:"source"`
	Other       string `json:"other,omitempty"`
	PayloadHex  string `json:"payloadHex"`
	FrameHex    string `json:"frameHex"`
}

type relayedRefusal struct {
	Name     string `json:"name"`
	From     string `json:"from"`
	Reason   string `json:"reason"`
	FrameHex string `json:"frameHex"`
}

const relaysDescription = "Relay frames between hosts that all know each other; tags follow from the WireGuard keys, codes from the probe keys. " +
	"frames are as each hop sends them. refused are frames to hub that go nowhere, with the reason."

var relayNames = []string{"alice", "hub", "second", "bob"}

type relayMesh struct {
	tags   map[string]relay.Tag
	tables map[string]*relay.Table
	keys   map[string]map[string]relay.HopKey
}

func relayAddress(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 41820)
}

func probeKeyOf(i int) protocol.Key { return keyOf(0xc1 + byte(i)) }

func newRelayMesh(t *testing.T, all *relays) relayMesh {
	mesh := relayMesh{map[string]relay.Tag{}, map[string]*relay.Table{}, map[string]map[string]relay.HopKey{}}
	for i, name := range relayNames {
		public := protocol.PublicKey(keyOf(0xd1 + byte(i)))
		mesh.tags[name] = relay.TagOf(public)
		tag := mesh.tags[name]
		all.Hosts = append(all.Hosts, relayHost{name, public, probeKeyOf(i), hex.EncodeToString(tag[:])})
	}
	for i, name := range relayNames {
		table := relay.NewTable()
		table.SetOwn(mesh.tags[name])
		table.Forward(true)
		mesh.tables[name], mesh.keys[name] = table, map[string]relay.HopKey{}
		for j, other := range relayNames {
			if i == j {
				continue
			}
			pair, err := probe.NewPair(probeKeyOf(i), protocol.PublicKey(probeKeyOf(j)))
			if err != nil {
				t.Fatal(err)
			}
			outbound, inbound := pair.HopKeys()
			keys := relay.Keys{Outbound: relay.NewHopKey(outbound), Inbound: relay.NewHopKey(inbound)}
			mesh.keys[name][other] = keys.Outbound
			table.Put(relay.Host{Tag: mesh.tags[other], Keys: keys})
			table.Expect(mesh.tags[other], []relay.Way{{Address: relayAddress(j)}})
			table.Route(mesh.tags[other], &conn.StdNetEndpoint{AddrPort: relayAddress(j)})
		}
	}
	return mesh
}

func (mesh relayMesh) frame(from, to string, header relay.Header, payload []byte) []byte {
	frame := append(make([]byte, relay.HeaderSize), payload...)
	key := mesh.keys[from][to]
	relay.Wrap(frame, header, &key)
	return frame
}

func buildRelays(t *testing.T) relays {
	all := relays{Description: relaysDescription}
	mesh := newRelayMesh(t, &all)
	packet, _ := hex.DecodeString("0400000000000000010000000000000000000000000000000000000000000000")
	sealed, _ := hex.DecodeString("6d677001000102030405060708090a0b")
	now := time.Unix(1_700_000_000, 0)
	journey := func(name string, payload []byte, hosts ...string) []byte {
		header := relay.Header{Hops: uint8(len(hosts) - 2), Destination: mesh.tags[hosts[len(hosts)-1]], Source: mesh.tags[hosts[0]]}
		if len(hosts) == 4 {
			header.Other = mesh.tags[hosts[2]]
		}
		first := mesh.frame(hosts[0], hosts[1], header, payload)
		frame := append([]byte{}, first...)
		for i, from := range hosts[:len(hosts)-1] {
			vector := relayVector{
				Name: name, From: from, To: hosts[i+1], Destination: hosts[len(hosts)-1], Source: hosts[0],
				PayloadHex: hex.EncodeToString(payload), FrameHex: hex.EncodeToString(frame),
			}
			read, _ := relay.ReadHeader(frame)
			vector.HopsLeft = read.Hops
			for other, tag := range mesh.tags {
				if tag == read.Other {
					vector.Other = other
				}
			}
			all.Frames = append(all.Frames, vector)
			index := 0
			for relayNames[index] != from {
				index++
			}
			if _, err := mesh.tables[hosts[i+1]].Read(frame, relayAddress(index), now); err != nil {
				t.Errorf("%s at %s: %v", name, hosts[i+1], err)
			}
		}
		return first
	}
	genuine := journey("a packet over one hub", packet, "alice", "hub", "bob")
	journey("a probe over one hub", sealed, "bob", "hub", "alice")
	journey("a packet over two hubs", packet, "alice", "hub", "second", "bob")

	refuse := func(name, from string, reason error, frame []byte) {
		index := 0
		for relayNames[index] != from {
			index++
		}
		if _, err := mesh.tables["hub"].Read(append([]byte{}, frame...), relayAddress(index), now); !errors.Is(err, reason) {
			t.Errorf("%s: %v, want %v", name, err, reason)
		}
		all.Refused = append(all.Refused, relayedRefusal{name, from, reason.Error(), hex.EncodeToString(frame)})
	}
	made := func(header relay.Header, payload []byte) []byte { return mesh.frame("alice", "hub", header, payload) }
	changed := func(offset int) []byte {
		frame := append([]byte{}, genuine...)
		frame[offset] ^= 1
		return frame
	}
	alice, hub, second, bob := mesh.tags["alice"], mesh.tags["hub"], mesh.tags["second"], mesh.tags["bob"]
	refuse("a header and nothing else", "alice", relay.ErrMalformed, genuine[:relay.HeaderSize])
	refuse("another version", "alice", relay.ErrMalformed, changed(3))
	refuse("reserved bytes", "alice", relay.ErrMalformed, changed(7))
	refuse("three hops left", "alice", relay.ErrMalformed, made(relay.Header{Hops: 3, Destination: bob, Source: alice, Other: second}, packet))
	refuse("two hops left and one hub", "alice", relay.ErrMalformed, made(relay.Header{Hops: 2, Destination: bob, Source: alice}, packet))
	refuse("to its own source", "alice", relay.ErrMalformed, made(relay.Header{Hops: 1, Destination: alice, Source: alice}, packet))
	refuse("a frame in a frame", "alice", relay.ErrPayload, made(relay.Header{Hops: 1, Destination: bob, Source: alice}, genuine))
	refuse("from somebody else's address", "second", relay.ErrCode, genuine)
	refuse("with another code", "alice", relay.ErrCode, changed(32))
	refuse("with another destination", "alice", relay.ErrCode, changed(8))
	refuse("with another length", "alice", relay.ErrCode, append(append([]byte{}, genuine...), 0))
	refuse("in another's name", "alice", relay.ErrMisrouted, made(relay.Header{Hops: 1, Destination: bob, Source: second}, packet))
	refuse("in another hub's name", "alice", relay.ErrMisrouted, made(relay.Header{Hops: 1, Destination: bob, Source: tagOfNobody, Other: second}, packet))
	refuse("no hops left, and not for the hub", "alice", relay.ErrMisrouted, made(relay.Header{Destination: bob, Source: second}, packet))
	refuse("for the hub, with hops left", "alice", relay.ErrMisrouted, made(relay.Header{Hops: 1, Destination: hub, Source: alice}, packet))
	refuse("from nobody that is known", "alice", relay.ErrUnknownSource, made(relay.Header{Destination: hub, Source: tagOfNobody}, packet))
	refuse("to nobody that is known", "alice", relay.ErrNoWay, made(relay.Header{Hops: 1, Destination: tagOfNobody, Source: alice}, packet))
	return all
}

var tagOfNobody = relay.Tag{0x99}
