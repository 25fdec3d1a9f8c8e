// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"fmt"
)

func readPath(d *document, field string, tree any) (path Path) {
	o, ok := d.object(field, tree)
	if !ok {
		return path
	}
	o.text("id", into(&path.ID, parsePathID), "give a short id such as direct:198.51.100.7:41820")
	o.text("kind", into(&path.Kind, parsePathKind), "use direct, relay, turn or channel")
	switch path.Kind {
	case KindDirect:
		o.text("endpoint", into(&path.Endpoint, ParseEndpoint), "give an address and port such as 198.51.100.7:41820")
		path.Socket = o.optionalInteger("socket", 1, 65_535, 0)
		path.Source = o.source(path.Endpoint)
		if path.Socket != 0 && path.Source.IsValid() {
			o.bad(o.name("source"), path.Source.String(), "a punched socket has its own", "leave out source or socket")
		}
	case KindRelay:
		path.Via = o.hubs("via")
	case KindTurn:
		o.text("server", into(&path.Server, parsePathID), "give the id of a TURN server of this document")
		o.text("endpoint", into(&path.Endpoint, ParseEndpoint), "give the peer's address and port such as 198.51.100.7:41820")
	case KindChannel:
		// There is one channel to a peer, and it needs no more than its peer's name.
	default:
		// Without its kind nobody knows which fields a path should have.
		return path
	}
	o.close()
	return path
}

var errKindOfPath = errors.New("not a kind of path that this helper knows")

func parsePathKind(text string) (string, error) {
	switch text {
	case KindDirect, KindRelay, KindTurn, KindChannel:
		return text, nil
	}
	return "", errKindOfPath
}

// hubs that could not be read are zero in the list.
func (o *object) hubs(field string) (hubs []Key) {
	given := o.list(field, HubsPerPathMax)
	value, _ := o.take(field)
	if list, ok := value.([]any); ok && len(list) == 0 {
		o.bad(o.name(field), 0, "no hub", "give the public keys of one or two hubs")
	}
	for i, value := range given {
		var hub Key
		o.readText(fmt.Sprintf("%s[%d]", o.name(field), i), value, value,
			into(&hub, ParseKey), "give the hub's WireGuard public key")
		hubs = append(hubs, hub)
	}
	return hubs
}
