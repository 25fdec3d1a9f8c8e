// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// behindNATs is a pair of which the first one's NAT gives each destination another port, and the second
// one's lets in only who was written to.
func behindNATs(t *testing.T) (hard, easy *member) {
	t.Helper()
	needRoot(t)
	a, b := newNamespace(t, "a"), newNamespace(t, "b")
	natA, natB := newNamespace(t, "na"), newNamespace(t, "nb")
	wire(t, a, natA, 2)
	wire(t, natA, natB, 3)
	wire(t, b, natB, 4)
	sh(t, "ip -n %s route add default via 192.0.2.2 && ip -n %s route add default via 192.0.4.2", a, b)
	for nat, how := range map[namespace]string{natA: "masquerade fully-random", natB: "masquerade"} {
		rules := filepath.Join(t.TempDir(), "rules.nft")
		text := fmt.Sprintf(`
			table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "w3" %s; }; }
			table ip flt {
				chain input { type filter hook input priority filter; policy drop; ct state established,related accept; }
				chain forward { type filter hook forward priority filter; policy drop;
					ct state established,related accept
					iifname != "w3" accept
				}
			}`, how)
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		nat.sh(t, "sysctl -qw net.ipv4.ip_forward=1")
		nat.sh(t, "nft -f %s", rules)
	}
	hard, easy = newMember(t, a, 1), newMember(t, b, 2)
	hard.agent.apply(hard.desired(easy))
	easy.agent.apply(easy.desired(hard))
	return hard, easy
}

// newSearch is a name of its own for a search.
func newSearch() string { return fmt.Sprintf("%032x", rand.Uint64()) }

func searchBySpreading(peer *member) object {
	return object{
		"peer": peer.key(), "transaction": newSearch(), "sockets": 256, "endpoints": []string{"192.0.3.2:41820"}, "perSecond": 200, "durationMs": 15_000,
	}
}

func searchBySweeping(peer *member) object {
	endpoints, drawn := []string{}, map[int]bool{}
	for len(endpoints) < 1_024 {
		if port := 1_024 + rand.IntN(64_512); !drawn[port] {
			drawn[port] = true
			endpoints = append(endpoints, fmt.Sprintf("192.0.3.1:%d", port))
		}
	}
	return object{"peer": peer.key(), "transaction": newSearch(), "sockets": 0, "endpoints": endpoints, "perSecond": 150, "durationMs": 15_000}
}

// sockets is how many UDP sockets of a namespace speak with the other side's NAT.
func (m *member) sockets(t *testing.T) int {
	t.Helper()
	return strings.Count(m.namespace.sh(t, "ss -Hun"), "192.0.3.2:41820")
}

// meet searches until it is found, which the first attempt does with 98 %.
func meet(t *testing.T, hard, easy *member) (ofHard, ofEasy object) {
	t.Helper()
	for range 3 {
		hard.agent.forget()
		easy.agent.forget()
		began := time.Now()
		hard.agent.call("search", searchBySpreading(easy))
		easy.agent.call("search", searchBySweeping(hard))
		ofHard, ofEasy = hard.agent.await("search-ended", any1), easy.agent.await("search-ended", any1)
		t.Logf("%v: %v; %v", time.Since(began).Round(time.Millisecond), ofHard, ofEasy)
		if ofHard["result"] == "found" && ofEasy["result"] == "found" {
			return ofHard, ofEasy
		}
	}
	t.Fatal("not found three times, of which the chance is 1 in 100,000")
	return nil, nil
}

// punchedWith is a pair whose tunnel crosses a punched socket of the hard side's; it gives what was asked of that.
func (hard *member) punchedWith(t *testing.T, easy *member) (wanted, hardPath, easyPath object) {
	t.Helper()
	ofHard, ofEasy := meet(t, hard, easy)
	if ofHard["endpoint"] != "192.0.3.2:41820" || ofHard["socket"] == nil || ofEasy["socket"] != nil {
		t.Fatalf("found %v and %v", ofHard, ofEasy)
	}
	if probes := ofEasy["probes"].(float64); probes > 1_024 {
		t.Errorf("%v probes", probes)
	}
	until(t, "all other sockets are closed", func() bool { return hard.sockets(t) == 1 })
	hardPath = object{"id": "punched", "kind": "direct", "endpoint": ofHard["endpoint"], "socket": ofHard["socket"]}
	easyPath = direct(ofEasy["endpoint"].(string))
	wanted = hard.document(false, easy.peer(hardPath))
	hard.agent.apply(wanted)
	easy.agent.apply(easy.document(false, hard.peer(easyPath)))
	hard.awaitPath(t, easy, "punched")
	easy.awaitPath(t, hard, easyPath["id"].(string))
	until(t, "packets of the session pass", func() bool { return hard.namespace.ping(easy.address()) })
	return wanted, hardPath, easyPath
}

func TestASearchPunchesASocketThroughASymmetricNATThatCarriesTheTraffic(t *testing.T) {
	hard, easy := behindNATs(t)
	wanted, hardPath, easyPath := hard.punchedWith(t, easy)
	contains(t, hard.namespace.sh(t, "wg show %s", hard.device), "endpoint: "+shownEndpoint("192.0.3.2:41820"))
	until(t, "the other side's packets go straight", func() bool {
		return strings.Contains(easy.namespace.sh(t, "wg show %s", easy.device), "endpoint: "+easyPath["endpoint"].(string))
	})
	if path := hard.pathOf(t, easy, "punched"); path["socket"] != hardPath["socket"] || path["up"] != true {
		t.Errorf("the path is %v", path)
	}
	until(t, "both know that the path carries", func() bool {
		return hard.pathOf(t, easy, "punched")["carries"] == true && easy.pathOf(t, hard, easyPath["id"].(string))["carries"] == true
	})

	_ = hard.agent.socket.Close()
	deadline := time.Now().Add(3 * time.Second)
	for time.Now().Before(deadline) {
		if !easy.namespace.ping(hard.address()) {
			t.Fatal("the path is down without its agent")
		}
		time.Sleep(time.Second)
	}
	hard.agent = hard.helper.connect(t)
	if changed := hard.agent.apply(wanted); len(changed) != 0 {
		t.Errorf("the agent comes back and changes %v", changed)
	}
	hard.agent.apply(hard.document(false, easy.peer()))
	until(t, "the socket goes with its path", func() bool { return hard.sockets(t) == 0 })
}

func TestASearchThatIsStoppedOrOverLeavesNothingBehind(t *testing.T) {
	hard, easy := behindNATs(t)
	first := searchBySpreading(easy)
	hard.agent.call("search", first)
	until(t, "sockets are open", func() bool { return hard.sockets(t) > 50 })
	hard.agent.call("search", searchBySpreading(easy))
	if end := hard.agent.await("search-ended", any1); end["result"] != "stopped" || end["transaction"] != first["transaction"] {
		t.Errorf("the search of which another took the place ended %v", end)
	}
	hard.agent.forget()
	hard.agent.call("stop-search", object{"peer": easy.key()})
	if end := hard.agent.await("search-ended", any1); end["result"] != "stopped" || end["endpoint"] != nil {
		t.Errorf("ended %v", end)
	}
	until(t, "all sockets are closed", func() bool { return hard.sockets(t) == 0 })

	hard.agent.forget()
	brief := searchBySpreading(easy)
	brief["durationMs"], brief["sockets"] = 300, 8
	hard.agent.call("search", brief)
	// How many it comes to open in that time is the machine's affair; each asks once, and there are no more than were asked for.
	if end := hard.agent.await("search-ended", any1); end["result"] != "nothing" || end["sockets"].(float64) > 8 || end["probes"] != end["sockets"] {
		t.Errorf("ended %v", end)
	}
	until(t, "all sockets are closed", func() bool { return hard.sockets(t) == 0 })

	hard.agent.call("search", searchBySpreading(easy))
	alone := hard.document(false)
	alone["peers"] = []object{}
	hard.agent.apply(alone)
	hard.agent.await("search-ended", func(params object) bool { return params["result"] == "stopped" })
	until(t, "all sockets are closed", func() bool { return hard.sockets(t) == 0 })
}

func TestAPathOverASocketThatIsGoneIsDown(t *testing.T) {
	hard, easy := behindNATs(t)
	path := object{"id": "gone", "kind": "direct", "endpoint": "192.0.3.2:41820", "socket": 40_000}
	hard.agent.apply(hard.document(false, easy.peer(path)))
	if known := hard.pathOf(t, easy, "gone"); known["up"] != false || known["endpoint"] != nil || known["socket"] != 40_000. {
		t.Errorf("the path is %v", known)
	}
}
