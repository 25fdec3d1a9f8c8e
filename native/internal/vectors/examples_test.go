// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"bytes"
	"net/netip"

	"meshgate.dev/native/internal/protocol"
)

// keyOf makes a key that is easy to recognise.
func keyOf(fill byte) protocol.Key {
	return protocol.Key(bytes.Repeat([]byte{fill}, protocol.KeySize))
}

var (
	peerKey     = protocol.PublicKey(keyOf(0x11))
	hubKey      = protocol.PublicKey(keyOf(0x66))
	peerProbe   = protocol.PublicKey(keyOf(0x22))
	transaction = protocol.Transaction(bytes.Repeat([]byte{0x0f}, protocol.TransactionSize))
)

type requestExample struct {
	method string
	params any
}

func requestExamples() []requestExample {
	return []requestExample{
		{"hello", map[string]any{"protocol": 1, "client": "meshgate-agent 0.1.0"}},
		{"apply", map[string]any{"desired": wholeDocument()}},
		{"apply", map[string]any{"desired": map[string]any{"device": nil, "routes": list(), "peers": list()}}},
		{"state", map[string]any{}},
		{"probe", map[string]any{"peer": peerKey, "endpoint": "198.51.100.7:41820", "transaction": transaction}},
		{"search", map[string]any{
			"peer": peerKey, "transaction": transaction, "sockets": 256, "endpoints": list("198.51.100.7:41820"), "perSecond": 200, "durationMs": 15_000,
		}},
		{"search", map[string]any{
			"peer": peerKey, "transaction": transaction, "sockets": 0, "endpoints": list("198.51.100.7:1024", "198.51.100.7:65535"), "perSecond": 1, "durationMs": 1,
		}},
		{"search", map[string]any{"peer": peerKey, "sockets": 1, "endpoints": list("198.51.100.7:1024"), "perSecond": 1, "durationMs": 1}},
		{"stop-search", map[string]any{"peer": peerKey}},
		{"send-datagram", map[string]any{"to": "192.0.2.1:3478", "payload": "AAEAACESpEI=", "source": "192.0.2.9"}},
		{"send-datagram", map[string]any{"to": "[2001:db8::1]:3478", "payload": "AAEAACESpEI="}},
		{"echo", map[string]any{"peer": peerKey}},
		{"echo", map[string]any{"peer": peerKey, "sizeBytes": 1252, "timeoutMs": 500}},
		{"carry", map[string]any{"protocol": 1, "client": "meshgate-channels 0.1.0"}},
		{"measure", map[string]any{"peer": peerKey, "path": "direct:198.51.100.7:41820", "sizeBytes": 1420, "timeoutMs": 500}},
		{"shutdown", map[string]any{}},
	}
}

func refusedExamples() []refusedLine {
	return []refusedLine{
		{Name: "not JSON", Text: `hello`, Code: protocol.CodeParse},
		{Name: "two values", Text: `{} {}`, Code: protocol.CodeParse},
		{Name: "a name given twice", Text: `{"jsonrpc":"2.0","id":1,"id":2,"method":"state"}`, Code: protocol.CodeParse},
		{Name: "a batch", Text: `[]`, Code: protocol.CodeInvalidRequest},
		{Name: "another version", Text: `{"jsonrpc":"1.0","id":1,"method":"state"}`, Code: protocol.CodeInvalidRequest},
		{Name: "no id", Text: `{"jsonrpc":"2.0","method":"state"}`, Code: protocol.CodeInvalidRequest},
		{Name: "no method", Text: `{"jsonrpc":"2.0","id":1}`, Code: protocol.CodeInvalidRequest},
		{Name: "an unknown member", Text: `{"jsonrpc":"2.0","id":1,"method":"state","extra":1}`, Code: protocol.CodeInvalidRequest},
		{Name: "a protocol that is not spoken", Text: `{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":99,"client":"x"}}`, Code: protocol.CodeProtocolNotSupported},
		{Name: "no client", Text: `{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1}}`, Code: protocol.CodeInvalidParams},
		{Name: "params that are no object", Text: `{"jsonrpc":"2.0","id":1,"method":"state","params":[]}`, Code: protocol.CodeInvalidParams},
		{Name: "an unknown param", Text: `{"jsonrpc":"2.0","id":1,"method":"state","params":{"verbose":true}}`, Code: protocol.CodeInvalidParams},
		{Name: "several bad params", Text: `{"jsonrpc":"2.0","id":1,"method":"probe","params":{"peer":"x","endpoint":"1.2.3.4","transaction":"0F"}}`, Code: protocol.CodeInvalidParams},
		{Name: "a search beyond all bounds", Text: `{"jsonrpc":"2.0","id":1,"method":"search","params":{"peer":"` + peerKey.String() + `","transaction":"` + transaction.String() + `","sockets":257,"endpoints":[],"perSecond":201,"durationMs":60001}}`, Code: protocol.CodeInvalidParams},
		{Name: "a search at no address", Text: `{"jsonrpc":"2.0","id":1,"method":"search","params":{"peer":"` + peerKey.String() + `","transaction":"00","sockets":1,"endpoints":["192.0.2.1:0","x"],"perSecond":1,"durationMs":1}}`, Code: protocol.CodeInvalidParams},
		{Name: "a probe from a source that is no address", Text: `{"jsonrpc":"2.0","id":1,"method":"probe","params":{"peer":"` + peerKey.String() + `","endpoint":"198.51.100.7:41820","transaction":"` + transaction.String() + `","source":"eth0"}}`, Code: protocol.CodeInvalidParams},
		{Name: "a probe from a source of another family", Text: `{"jsonrpc":"2.0","id":1,"method":"probe","params":{"peer":"` + peerKey.String() + `","endpoint":"198.51.100.7:41820","transaction":"` + transaction.String() + `","source":"2001:db8::9"}}`, Code: protocol.CodeInvalidParams},
		{Name: "a datagram from a source of another family", Text: `{"jsonrpc":"2.0","id":1,"method":"send-datagram","params":{"to":"192.0.2.1:1","payload":"AA==","source":"2001:db8::9"}}`, Code: protocol.CodeInvalidParams},
		{Name: "an empty datagram", Text: `{"jsonrpc":"2.0","id":1,"method":"send-datagram","params":{"to":"192.0.2.1:1","payload":""}}`, Code: protocol.CodeInvalidParams},
		{Name: "a measure without a path, of a size that no link has", Text: `{"jsonrpc":"2.0","id":1,"method":"measure","params":{"peer":"` + peerKey.String() + `","sizeBytes":9001}}`, Code: protocol.CodeInvalidParams},
		{Name: "nothing desired", Text: `{"jsonrpc":"2.0","id":1,"method":"apply","params":{}}`, Code: protocol.CodeInvalidParams},
		{Name: "something else desired", Text: `{"jsonrpc":"2.0","id":1,"method":"apply","params":{"desired":{}}}`, Code: protocol.CodeRefused},
	}
}

type resultExample struct {
	method string
	value  any
}

func resultExamples() []resultExample {
	path, direct := "direct:198.51.100.7:41820", endpoint("198.51.100.7:41820")
	server, socket := endpoint("203.0.113.9:443"), 50_123
	peer := protocol.PeerState{
		PublicKey: peerKey, AllowedIPs: []netip.Prefix{prefix("10.7.0.2/32")}, KeepaliveMs: 25_000,
		RxBytes: 1_234, TxBytes: 5_678, LastHandshakeMs: number(42_000), ActivePath: &path,
		Session: protocol.Session{RttUs: number(31_000), AgeMs: number(600)},
		Paths: []protocol.PathState{{
			ID: path, Kind: protocol.KindDirect, Endpoint: &direct, Via: []protocol.Key{}, Up: true, Carries: truth(true),
			RttUs: number(30_500), LossPermille: 15, LastReplyMs: number(400),
		}, {
			ID: "direct:198.51.100.7:41820@50123", Kind: protocol.KindDirect, Endpoint: &direct, Via: []protocol.Key{}, Socket: &socket,
		}, {
			ID: "relay:hub", Kind: protocol.KindRelay, Via: []protocol.Key{hubKey}, Carries: truth(false),
		}, {
			ID: "turn:frankfurt", Kind: protocol.KindTurn, Endpoint: &server, Via: []protocol.Key{}, Server: name("frankfurt"),
		}},
	}
	return []resultExample{
		{"hello", protocol.Hello{Protocol: 1, Helper: "0.1.0", Engine: "userspace", EngineReason: "no other engine", Instance: "00c0ffee00c0ffee", Features: protocol.Features}},
		{"apply", protocol.Applied{Generation: 7, Changed: []string{"peer add " + peerKey.String()}}},
		{"apply", protocol.Applied{Generation: 7, Changed: []string{}}},
		{"state", protocol.State{
			Instance: "00c0ffee00c0ffee", Engine: "userspace", Generation: 7,
			Device: &protocol.DeviceState{
				Name: "meshgate0", Index: 7, MTU: 1280, ListenPort: 41820, PublicKey: protocol.PublicKey(keyOf(0x33)),
				Addresses: []netip.Prefix{prefix("10.7.0.1/16")}, StunServer: true, Relay: true,
			},
			Routes: []protocol.Route{{Destination: prefix("10.9.0.0/16"), MTU: 1280}},
			Links:  exampleLinks(), Relayed: protocol.Relayed{Frames: 3, Bytes: 4_000, Dropped: 2, Refused: 1},
			Turn: exampleTurns(), Peers: []protocol.PeerState{peer},
		}},
		{"state", protocol.State{
			Instance: "00c0ffee00c0ffee", Engine: "userspace",
			Routes: []protocol.Route{}, Links: []protocol.Link{}, Turn: []protocol.TurnState{}, Peers: []protocol.PeerState{},
		}},
		{"probe", struct{}{}},
		{"measure", protocol.Measured{RttUs: 31_000}},
		{"echo", protocol.Echoed{RttUs: 31_000, Path: path, Endpoint: pointer(endpoint("198.51.100.7:41820"))}},
		{"echo", protocol.Echoed{RttUs: 40_000, Path: "channel"}},
		{"carry", struct{}{}},
	}
}

func exampleLinks() []protocol.Link {
	return []protocol.Link{{
		Name: "eth0", Index: 2, Up: true, MTU: 1500, Addresses: []netip.Prefix{prefix("192.168.1.2/24")},
	}, {
		Name: "wwan0", Index: 3, Up: true, MTU: 1428, Addresses: []netip.Prefix{prefix("192.168.2.2/24")},
		Spares: []netip.Addr{netip.MustParseAddr("192.168.2.2")},
	}, {
		Name: "tun0", Index: 4, Up: true, MTU: 1400, Addresses: []netip.Prefix{prefix("10.8.0.2/24")}, Tunnel: true,
	}}
}

func exampleTurns() []protocol.TurnState {
	relayed := endpoint("203.0.113.9:50000")
	return []protocol.TurnState{
		{ID: "frankfurt", Transport: protocol.TurnTLS, State: "up", Relayed: &relayed, RttUs: number(21_000)},
		{ID: "paris", Transport: protocol.TurnUDP, State: "failed", Cause: name("credentials-refused"),
			Detail: name("the server answers 401 Unauthorized to the request to Allocate")},
	}
}

func faultExamples() []*protocol.Fault {
	return []*protocol.Fault{
		protocol.Faultf(protocol.CodeHelloFirst, "say hello first"),
		protocol.SystemFault(protocol.ReasonPortTaken, "choose another listenPort", "port 41820: address already in use"),
		protocol.Faultf(protocol.CodeTooMany, "64 probes to this peer are outstanding"),
		protocol.Faultf(protocol.CodeNoReply, "no reply within 2s"),
		{Code: protocol.CodeTooLarge, Message: "the first hop carries 1240 bytes whole", Data: protocol.TooLarge{MTU: 1240}},
		protocol.Faultf(protocol.CodeNoSuchPeer, "there is no such peer"),
		protocol.Refusal(protocol.CodeRefused, []protocol.Problem{{
			Field: "peers[3].allowedIps[0]", Value: "10.7.0.2", Problem: "not a prefix", Remedy: "give a prefix such as 10.7.0.2/32",
		}}),
	}
}

func eventExamples() []protocol.Event {
	met, socket := endpoint("198.51.100.7:41820"), 50_123
	return []protocol.Event{
		protocol.Datagram{From: endpoint("198.51.100.10:3478"), Payload: []byte{1, 1, 0, 0}},
		protocol.ProbeReply{Peer: peerKey, Endpoint: endpoint("198.51.100.7:41820"), Transaction: transaction, RttUs: 30_500, Observed: endpoint("203.0.113.5:61000")},
		protocol.ProbeHeard{Peer: peerKey, From: endpoint("[2001:db8::7]:41820")},
		protocol.ProbeHeard{Peer: peerKey, From: endpoint("198.51.100.7:41820"), Server: name("frankfurt")},
		protocol.SearchEnded{Peer: peerKey, Transaction: &transaction, Result: protocol.SearchFound, Sockets: 207, Probes: 207, Endpoint: &met, Socket: &socket},
		protocol.SearchEnded{Peer: peerKey, Transaction: &transaction, Result: protocol.SearchFound, Probes: 154, Endpoint: &met},
		protocol.SearchEnded{Peer: peerKey, Transaction: &transaction, Result: protocol.SearchNothing, Probes: 1_024},
		protocol.SearchEnded{Peer: peerKey, Result: protocol.SearchStopped, Sockets: 1, Probes: 1},
		protocol.PathUp{Peer: peerKey, Path: "relay", RttUs: 30_500},
		protocol.PathDown{Peer: peerKey, Path: "relay", Reason: "3 probes in a row were not answered"},
		protocol.PathDown{Peer: peerKey, Path: "direct", Reason: "carries nothing"},
		protocol.PathDown{Peer: peerKey, Path: "relay", Reason: "the hub cannot be reached"},
		protocol.PathDown{Peer: peerKey, Path: "channel", Reason: "there is no data channel to the peer"},
		protocol.Switched{Peer: peerKey, To: name("direct"), Cause: "desired"},
		protocol.Switched{Peer: peerKey, From: name("direct"), To: name("relay"), Cause: "path-down", GapMs: 1_900},
		protocol.LinksChanged{Links: exampleLinks()},
		protocol.Stats{Peers: []protocol.PeerState{{PublicKey: peerKey, AllowedIPs: []netip.Prefix{}, KeepaliveMs: 25_000, Paths: []protocol.PathState{}}}, Turn: exampleTurns()},
		protocol.TurnChanged{TurnState: exampleTurns()[0]},
		protocol.TurnChanged{TurnState: exampleTurns()[1]},
		protocol.TurnChanged{TurnState: protocol.TurnState{ID: "frankfurt", Transport: protocol.TurnTCP, State: "connecting"}},
		protocol.DeviceLost{Reason: "the interface meshgate0 vanished"},
	}
}
