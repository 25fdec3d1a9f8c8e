// SPDX-License-Identifier: Apache-2.0

package vectors

func turnExamples() []desiredExample {
	server := func(url string, more ...any) object {
		made := object{"id": "frankfurt", "url": url}
		for i := 0; i < len(more); i += 2 {
			made[more[i].(string)] = more[i+1]
		}
		return made
	}
	only := func(servers ...any) []change { return []change{{at("turn"), list(servers...)}} }
	const udp, tls = "turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"
	path := object{"id": "turn:frankfurt", "kind": "turn", "server": "frankfurt", "endpoint": "198.51.100.7:41820"}
	elsewhere := object{"id": "turn:paris", "kind": "turn", "server": "paris", "endpoint": "198.51.100.7:41820"}
	return []desiredExample{
		{Name: "no TURN server", Changes: only()},
		{Name: "a TURN server with a password", Changes: only(server(udp, "username", "anna", "password", "x"))},
		{Name: "a TURN server with a secret and a CA", Changes: only(server(tls, "username", "host-1", "secret", "x", "ca", "/etc/meshgate/ca.pem"))},
		{Name: "TURN servers that everybody may use, at the ports of the RFC", Changes: only(
			server("turn:192.0.2.1"), server("turns:[2001:db8::1]", "id", "2"), server("turn:[2001:db8::1]:1?transport=tcp", "id", "3"))},
		{Name: "a path over a TURN server", Changes: overTurn(server(udp), path)},
		{Name: "a path over a TURN server that is not there", Changes: overTurn(server(udp), elsewhere), Fields: []string{"peers[0].paths[0].server"}},
		{Name: "a path over a TURN server to nowhere", Changes: overTurn(server(udp), object{"id": "x", "kind": "turn", "server": "frankfurt"}),
			Fields: []string{"peers[0].paths[0].endpoint"}},
		{Name: "a TURN server twice", Changes: only(server(udp), server(tls)), Fields: []string{"turn[1].id"}},
		{Name: "URLs that are none of TURN servers", Changes: only(
			server("stun:turn.example"), server("turn:turn.example?transport=sctp", "id", "2"), server("turn:", "id", "3"), server("turn:[::1", "id", "4"),
			server("turn:turn.example:0", "id", "5"), server("turn:a b", "id", "6"), server("turns:turn.example?transport=udp", "id", "7"), server("turn:host?ttl=1", "id", "8")),
			Fields: []string{"turn[0].url", "turn[1].url", "turn[2].url", "turn[3].url", "turn[4].url", "turn[5].url", "turn[6].url", "turn[7].url"}},
		{Name: "a password and a secret", Changes: only(server(udp, "username", "anna", "password", "x", "secret", "y")), Fields: []string{"turn[0].secret"}},
		{Name: "a password of nobody", Changes: only(server(udp, "password", "x")), Fields: []string{"turn[0].username"}},
		{Name: "a name without a password", Changes: only(server(udp, "username", "anna")), Fields: []string{"turn[0].password"}},
		{Name: "an empty secret", Changes: only(server(udp, "secret", "")), Fields: []string{"turn[0].secret"}},
		{Name: "a CA without TLS, and one that is no file's path", Changes: only(server(udp, "ca", "/ca.pem"), server(tls, "id", "2", "ca", "ca.pem")),
			Fields: []string{"turn[0].ca", "turn[1].ca"}},
		{Name: "TURN servers that are no list", Changes: []change{{at("turn"), object{}}}, Fields: []string{"turn"}},
		{Name: "a TURN server and no device", Changes: []change{{at("device"), nil}, {at("peers"), list()}, {at("routes"), list()}, {at("turn"), list(server(udp))}},
			Fields: []string{"turn"}},
	}
}
