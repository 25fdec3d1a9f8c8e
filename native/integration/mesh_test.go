// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

// document is what a member desires of a mesh of several; a hub forwards for others.
func (m *member) document(hub bool, peers ...object) object {
	document := m.desired(m)
	document["device"].(object)["relay"] = hub
	document["routes"] = []object{}
	document["peers"] = peers
	return document
}

// peer is the member as others desire it, most wanted path first.
func (m *member) peer(paths ...object) object {
	return object{
		"publicKey": m.key(), "probeKey": protocol.PublicKey(m.probe),
		"allowedIps":  []string{m.address() + "/32", fmt.Sprintf("fd12:3456:789a::%d/128", m.number)},
		"echoAddress": m.address(), "keepaliveMs": 1_000, "paths": append([]object{}, paths...),
	}
}

func direct(endpoint string) object {
	return object{"id": "direct:" + endpoint, "kind": "direct", "endpoint": endpoint}
}

func over(id string, hubs ...*member) object {
	via := []string{}
	for _, hub := range hubs {
		via = append(via, hub.key())
	}
	return object{"id": "relay:" + id, "kind": "relay", "via": via}
}

// pathOf reads one path of one peer from the state.
func (m *member) pathOf(t *testing.T, peer *member, id string) object {
	t.Helper()
	for _, known := range m.agent.call("state", object{})["peers"].([]any) {
		if known := known.(object); known["publicKey"] == peer.key() {
			for _, path := range known["paths"].([]any) {
				if path.(object)["id"] == id {
					return path.(object)
				}
			}
		}
	}
	t.Fatalf("no path %s to member %d", id, peer.number)
	return nil
}

// awaitPath waits until a path to a peer is up.
func (m *member) awaitPath(t *testing.T, peer *member, id string) {
	t.Helper()
	m.agent.await("path-up", func(params object) bool { return params["peer"] == peer.key() && params["path"] == id })
}

// awaitUse waits until what leaves for a peer leaves over a path. The one that is wanted most is not always the
// first to answer.
func (m *member) awaitUse(t *testing.T, peer *member, id string) {
	t.Helper()
	until(t, id+" is used", func() bool {
		echo := m.agent.ask("echo", object{"peer": peer.key()})
		return echo.Error == nil && echo.Result["path"] == id
	})
}

// loses drops whatever comes in over a link.
func (n namespace) loses(t *testing.T, link string) {
	t.Helper()
	n.sh(t, "nft 'add table inet t; add chain inet t c { type filter hook prerouting priority -400; }; add rule inet t c iifname %s drop'", link)
}

// sent is how many bytes have left over a link.
func (n namespace) sent(t *testing.T, link string) (bytes int) {
	t.Helper()
	text := n.sh(t, "cat /sys/class/net/%s/statistics/tx_bytes", link)
	if _, err := fmt.Sscan(text, &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes
}
