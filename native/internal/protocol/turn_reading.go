// SPDX-License-Identifier: Apache-2.0

package protocol

import "fmt"

// readTurn may be left out: most hosts need no server of somebody else's.
func readTurn(d *document, root *object) (servers []TurnServer) {
	if _, given := root.take("turn"); !given {
		return nil
	}
	for i, tree := range root.list("turn", TurnServersMax) {
		servers = append(servers, readTurnServer(d, fmt.Sprintf("turn[%d]", i), tree))
	}
	return servers
}

func readTurnServer(d *document, field string, tree any) (server TurnServer) {
	o, ok := d.object(field, tree)
	if !ok {
		return server
	}
	o.text("id", into(&server.ID, parsePathID), "give a short id such as frankfurt")
	o.text("url", into(&server.TurnURL, parseTurnURL),
		"give turn:host:port?transport=udp, turn:host:port?transport=tcp or turns:host:port?transport=tcp")
	const remedy = "give a text, or leave the field out"
	if _, given := o.take("username"); given {
		o.text("username", into(&server.Username, parseTurnText), remedy)
	}
	if _, given := o.take("password"); given {
		o.secret("password", into(&server.Password, parseTurnText), remedy)
	}
	if _, given := o.take("secret"); given {
		o.secret("secret", into(&server.Secret, parseTurnText), remedy)
	}
	if _, given := o.take("ca"); given {
		o.text("ca", into(&server.CA, parseFile), "give the path of a file of certificates in PEM")
	}
	o.close()
	return server
}

// checkTurn finds what is wrong between a server's fields, and paths over servers that are not there.
func checkTurn(d *document, desired *Desired) {
	if desired.Device == nil && len(desired.Turn) > 0 {
		d.bad("turn", nil, "TURN servers need a device", "give a device, or an empty list")
	}
	known := map[string]bool{}
	for i, server := range desired.Turn {
		field := fmt.Sprintf("turn[%d]", i)
		if server.ID != "" && known[server.ID] {
			d.bad(field+".id", server.ID, "given twice", "give each server its own id")
		}
		known[server.ID] = true
		switch {
		case server.Password != "" && server.Secret != "":
			d.bad(field+".secret", hidden, "given besides a password", "give one of them: passwords are made of the secret")
		case server.Password != "" && server.Username == "":
			d.bad(field+".username", nil, "missing", "give the name that the password is for")
		case server.Username != "" && server.Password == "" && server.Secret == "":
			d.bad(field+".password", nil, "missing", "give the password, or the secret that it is made of")
		}
		if server.CA != "" && server.Transport != TurnTLS && server.Transport != "" {
			d.bad(field+".ca", server.CA, "of no use without TLS", "leave it out, or use turns:")
		}
	}
	for i, peer := range desired.Peers {
		for j, path := range peer.Paths {
			if path.Kind == KindTurn && path.Server != "" && !known[path.Server] {
				d.bad(fmt.Sprintf("peers[%d].paths[%d].server", i, j), path.Server,
					"is not a TURN server of this document", "give the id of one of them")
			}
		}
	}
}
