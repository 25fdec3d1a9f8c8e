// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"slices"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

type desired struct {
	Description string           `json:"description"`
	Base        object           `json:"base"`
	Cases       []desiredExample `json:"cases"`
}

type object = map[string]any

type desiredExample struct {
	Name string `json:"name"`
	// Changes are made to the base: paths of names and indices, and what to put there.
	Changes []change `json:"changes"`
	Fields  []string `json:"fields"`
}

type change struct {
	At  []any `json:"at"`
	Put any   `json:"put"`
}

const desiredDescription = "Each case is the base document with changes; `at` leads to the place, `put` is what stands there then. " +
	"fields are those of the problems in the refusal, in any order; none means that the document is accepted."

func list(values ...any) []any { return append([]any{}, values...) }

func wholeDocument() object {
	return object{
		"device": object{
			"name": "meshgate0", "mtu": 1280, "listenPort": 41820,
			"privateKey": keyOf(0x33), "probeKey": keyOf(0x44),
			"addresses": list("10.7.0.1/16", "fd12:3456:789a::1/48"), "stunServer": true, "relay": false,
		},
		"routes": list(object{"destination": "10.9.0.0/16", "mtu": 1280}, object{"destination": "2001:db8::/32"}),
		"peers": list(object{
			"publicKey": peerKey, "presharedKey": keyOf(0x55), "probeKey": peerProbe,
			"allowedIps":  list("10.7.0.2/32", "fd12:3456:789a::2/128"),
			"echoAddress": "10.7.0.2", "keepaliveMs": 25_000,
			"paths": list(object{"id": "direct:198.51.100.7:41820", "kind": "direct", "endpoint": "198.51.100.7:41820"}),
		}),
	}
}

func secondPeer() object {
	return object{
		"publicKey": hubKey, "probeKey": protocol.PublicKey(keyOf(0x77)),
		"allowedIps": list("10.7.0.3/32"), "echoAddress": "10.7.0.3", "keepaliveMs": 1_000, "paths": list(),
	}
}

func overHubs(via any) object { return object{"id": "relay:x", "kind": "relay", "via": via} }

// hubs makes the path one over hubs, the first of which is the second peer.
func hubs(via any) []change {
	return []change{{at("peers", 1), secondPeer()}, {at("peers", 0, "paths", 0), overHubs(via)}}
}

// overTurn makes the path one over the only TURN server.
func overTurn(server, path object) []change {
	return []change{{at("turn"), list(server)}, {at("peers", 0, "paths", 0), path}}
}

func at(place ...any) []any { return place }

func desiredExamples() []desiredExample {
	twin, cuckoo := secondPeer(), secondPeer()
	twin["publicKey"] = peerKey
	cuckoo["allowedIps"] = list("10.7.0.2/32", "10.7.0.3/32")
	cuckoo["probeKey"] = peerProbe
	path := object{"id": "x", "kind": "direct", "endpoint": "198.51.100.7:41820"}
	return []desiredExample{
		{Name: "as it is"},
		{Name: "a second peer", Changes: []change{{at("peers", 1), secondPeer()}}},
		{Name: "a port of the kernel's choice", Changes: []change{{at("device", "listenPort"), 0}}},
		{Name: "no device, but peers", Changes: []change{{at("device"), nil}}, Fields: []string{"device"}},
		{Name: "an unknown field", Changes: []change{{at("surprise"), 1}}, Fields: []string{"surprise"}},
		{Name: "unknown fields further down", Changes: []change{{at("device", "colour"), "red"}, {at("peers", 0, "paths", 0, "via"), "x"}},
			Fields: []string{"device.colour", "peers[0].paths[0].via"}},
		{Name: "lists that are none", Changes: []change{{at("routes"), nil}, {at("peers"), object{}}}, Fields: []string{"routes", "peers"}},
		{Name: "names that no interface can have", Changes: []change{{at("device", "name"), "sixteen-is-a-lot"}}, Fields: []string{"device.name"}},
		{Name: "a name with a slash", Changes: []change{{at("device", "name"), "a/b"}}, Fields: []string{"device.name"}},
		{Name: "numbers out of range", Changes: []change{{at("device", "mtu"), 10}, {at("device", "listenPort"), 65_536}, {at("peers", 0, "keepaliveMs"), 999}},
			Fields: []string{"device.mtu", "device.listenPort", "peers[0].keepaliveMs"}},
		{Name: "numbers that are none", Changes: []change{{at("device", "mtu"), "1280"}, {at("device", "listenPort"), 1.5}}, Fields: []string{"device.mtu", "device.listenPort"}},
		{Name: "IPv6 on a device too small for it", Changes: []change{{at("device", "mtu"), 1279}}, Fields: []string{"device.mtu"}},
		{Name: "keys that are none", Changes: []change{{at("device", "privateKey"), "short"}, {at("device", "probeKey"), 7}, {at("peers", 0, "publicKey"), ""}},
			Fields: []string{"device.privateKey", "device.probeKey", "peers[0].publicKey"}},
		{Name: "a key in another text of the same bytes", Changes: []change{{at("peers", 0, "probeKey"), "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiJ="}}, Fields: []string{"peers[0].probeKey"}},
		{Name: "addresses not as they are written", Changes: []change{{at("device", "addresses", 0), "10.7.0.1"}, {at("device", "addresses", 1), "FD12:3456:789A::1/48"}},
			Fields: []string{"device.addresses[0]", "device.addresses[1]"}},
		{Name: "an address that is none", Changes: []change{{at("device", "addresses", 0), "224.0.0.1/4"}}, Fields: []string{"device.addresses[0]"}},
		{Name: "an address twice", Changes: []change{{at("device", "addresses", 1), "10.7.0.1/24"}}, Fields: []string{"device.addresses[1]"}},
		{Name: "a route with host bits", Changes: []change{{at("routes", 0, "destination"), "10.9.0.1/16"}}, Fields: []string{"routes[0].destination"}},
		{Name: "a route twice", Changes: []change{{at("routes", 1, "destination"), "10.9.0.0/16"}}, Fields: []string{"routes[1].destination"}},
		{Name: "a peer twice", Changes: []change{{at("peers", 1), twin}}, Fields: []string{"peers[1].publicKey"}},
		{Name: "a prefix and a probe key of another peer", Changes: []change{{at("peers", 1), cuckoo}}, Fields: []string{"peers[1].probeKey", "peers[1].allowedIps[0]"}},
		{Name: "ourselves as a peer", Changes: []change{{at("peers", 0, "publicKey"), protocol.PublicKey(keyOf(0x33))}}, Fields: []string{"peers[0].publicKey"}},
		{Name: "an echo address of nobody", Changes: []change{{at("peers", 0, "echoAddress"), "10.7.0.3"}}, Fields: []string{"peers[0].echoAddress"}},
		{Name: "an echo address that is none", Changes: []change{{at("peers", 0, "echoAddress"), "10.7.0.2/32"}}, Fields: []string{"peers[0].echoAddress"}},
		{Name: "an endpoint without a port", Changes: []change{{at("peers", 0, "paths", 0, "endpoint"), "198.51.100.7"}}, Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "an endpoint at port 0", Changes: []change{{at("peers", 0, "paths", 0, "endpoint"), "198.51.100.7:0"}}, Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "an IPv4 endpoint in IPv6 clothes", Changes: []change{{at("peers", 0, "paths", 0, "endpoint"), "[::ffff:198.51.100.7]:1"}}, Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "an endpoint with a zone", Changes: []change{{at("peers", 0, "paths", 0, "endpoint"), "[fe80::1%eth0]:1"}}, Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "an endpoint for everybody", Changes: []change{{at("peers", 0, "paths", 0, "endpoint"), "255.255.255.255:1"}}, Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "a kind of path that is not known", Changes: []change{{at("peers", 0, "paths", 0, "kind"), "pigeon"}}, Fields: []string{"peers[0].paths[0].kind"}},
		{Name: "a path from a punched socket", Changes: []change{{at("peers", 0, "paths", 0, "socket"), 50_123}}},
		{Name: "a path from one of several uplinks", Changes: []change{{at("peers", 0, "paths", 0, "source"), "192.0.2.9"}}},
		{Name: "a path from a source that is no address", Changes: []change{{at("peers", 0, "paths", 0, "source"), "eth0"}}, Fields: []string{"peers[0].paths[0].source"}},
		{Name: "a path from a source of another family", Changes: []change{{at("peers", 0, "paths", 0, "source"), "2001:db8::9"}}, Fields: []string{"peers[0].paths[0].source"}},
		{Name: "a path from a source and a punched socket", Changes: []change{{at("peers", 0, "paths", 0, "source"), "192.0.2.9"}, {at("peers", 0, "paths", 0, "socket"), 50_123}}, Fields: []string{"peers[0].paths[0].source"}},
		{Name: "a path from a socket that is none", Changes: []change{{at("peers", 0, "paths", 0, "socket"), 0}}, Fields: []string{"peers[0].paths[0].socket"}},
		{Name: "a path over a hub", Changes: hubs(list(hubKey))},
		{Name: "a path over two hubs, the second of them no peer", Changes: hubs(list(hubKey, protocol.PublicKey(keyOf(0x88))))},
		{Name: "a path over a data channel", Changes: []change{{at("peers", 0, "paths", 1), object{"id": "channel", "kind": "channel"}}}},
		{Name: "a path over a data channel to an address", Changes: []change{{at("peers", 0, "paths", 0, "kind"), "channel"}}, Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "a path over nobody", Changes: hubs(list()), Fields: []string{"peers[0].paths[0].via"}},
		{Name: "a path over three hubs", Changes: hubs(list(hubKey, hubKey, hubKey)), Fields: []string{"peers[0].paths[0].via"}},
		{Name: "a path over hubs that are no list", Changes: hubs(hubKey), Fields: []string{"peers[0].paths[0].via"}},
		{Name: "a path over keys that are none", Changes: hubs(list("x", 7)), Fields: []string{"peers[0].paths[0].via[0]", "peers[0].paths[0].via[1]"}},
		{Name: "a path over the peer itself", Changes: hubs(list(peerKey, peerKey)), Fields: []string{"peers[0].paths[0].via[0]", "peers[0].paths[0].via[1]"}},
		{Name: "a path over ourselves", Changes: hubs(list(hubKey, protocol.PublicKey(keyOf(0x33)))), Fields: []string{"peers[0].paths[0].via[1]"}},
		{Name: "a path twice over one hub", Changes: hubs(list(hubKey, hubKey)), Fields: []string{"peers[0].paths[0].via[1]"}},
		{Name: "a path over a hub that is no peer", Changes: []change{{at("peers", 0, "paths", 0), overHubs(list(hubKey))}}, Fields: []string{"peers[0].paths[0].via[0]"}},
		{Name: "a path over a hub with an endpoint", Changes: append(hubs(list(hubKey)), change{at("peers", 0, "paths", 0, "endpoint"), "198.51.100.7:1"}),
			Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "a host that does not say whether it relays", Changes: []change{{at("device", "relay"), nil}}, Fields: []string{"device.relay"}},
		{Name: "a path id twice", Changes: []change{{at("peers", 0, "paths"), list(path, path)}}, Fields: []string{"peers[0].paths[1].id"}},
		{Name: "too many paths", Changes: []change{{at("peers", 0, "paths"), list(path, path, path, path, path, path, path, path, path)}}, Fields: []string{"peers[0].paths"}},
		{Name: "a peer that is none", Changes: []change{{at("peers", 0), "somebody"}}, Fields: []string{"peers[0]"}},
	}
}

func buildDesired(t *testing.T) desired {
	all := desired{Description: desiredDescription, Base: wholeDocument()}
	for _, example := range slices.Concat(desiredExamples(), turnExamples(), firewallExamples(), namesExamples()) {
		var changed any = decode(t, encode(t, wholeDocument()))
		for _, change := range example.Changes {
			changed = put(changed, change.At, change.Put)
		}
		line := encode(t, object{"jsonrpc": "2.0", "id": 1, "method": "apply", "params": object{"desired": changed}})
		request, fault := protocol.ReadRequest(line)
		if fault != nil {
			t.Fatal(fault)
		}
		_, fault = protocol.ReadApply(request.Params)
		got := []string{}
		if fault != nil {
			got = fieldsOf(fault)
		}
		slices.Sort(got)
		slices.Sort(example.Fields)
		if !slices.Equal(got, example.Fields) {
			t.Errorf("%s: problems with %v, want %v", example.Name, got, example.Fields)
		}
		example.Fields = got
		all.Cases = append(all.Cases, example)
	}
	return all
}

func put(tree any, place []any, value any) any {
	if len(place) == 0 {
		return value
	}
	switch tree := tree.(type) {
	case map[string]any:
		tree[place[0].(string)] = put(tree[place[0].(string)], place[1:], value)
	case []any:
		index := place[0].(int)
		if index == len(tree) {
			return append(tree, value)
		}
		tree[index] = put(tree[index], place[1:], value)
	}
	return tree
}
