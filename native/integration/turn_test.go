// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	turnSecret = "north by northwest"
	turnHost   = "192.0.40.2"
)

// A turnSite is two members and a coturn between them, each on a network of its own with it.
type turnSite struct {
	a, b       *member
	server     namespace
	directory  string
	turnserver *exec.Cmd
}

func newTurnSite(t *testing.T) *turnSite {
	t.Helper()
	return newTurnSiteOn(t, engine)
}

func newTurnSiteOn(t *testing.T, engine string) *turnSite {
	t.Helper()
	needRoot(t)
	s := &turnSite{server: newNamespace(t, "t"), directory: t.TempDir()}
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	wire(t, nsA, s.server, 40)
	wire(t, nsB, s.server, 41)
	sh(t, "ip -n %s route add 192.0.40.0/24 via 192.0.41.2", nsB)
	sh(t, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=turn "+
		"-addext subjectAltName=IP:%s -keyout %[2]s/key.pem -out %[2]s/ca.pem", turnHost, s.directory)
	s.startTurn(t)
	t.Cleanup(func() { s.stopTurn() })
	s.a, s.b = newMemberOn(t, nsA, 1, engine), newMemberOn(t, nsB, 2, engine)
	return s
}

func (s *turnSite) startTurn(t *testing.T) {
	t.Helper()
	options := fmt.Sprintf("-n --no-cli --listening-ip %[1]s --relay-ip %[1]s --tls-listening-port 443 --realm mesh.test "+
		"--cert %[2]s/ca.pem --pkey %[2]s/key.pem --pidfile %[2]s/pid --log-file %[2]s/log --simple-log "+
		"--use-auth-secret --static-auth-secret", turnHost, s.directory)
	arguments := append([]string{"netns", "exec", string(s.server), "turnserver"}, strings.Fields(options)...)
	s.turnserver = exec.Command("ip", append(arguments, turnSecret)...)
	if err := s.turnserver.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "coturn listens", func() bool {
		return strings.Contains(s.server.sh(t, "ss -ltnH"), turnHost+":443")
	})
}

func (s *turnSite) stopTurn() {
	if s.turnserver != nil {
		_ = s.turnserver.Process.Kill()
		_ = s.turnserver.Wait()
	}
	s.turnserver = nil
}

// only lets a member speak nothing but TCP to the server's port 443.
func (m *member) only443(t *testing.T) {
	t.Helper()
	m.namespace.sh(t, `nft 'add table inet wall; add chain inet wall out { type filter hook output priority 0; policy drop; };
		add rule inet wall out oifname { lo, %[1]s } accept; add rule inet wall out ip daddr %[2]s tcp dport 443 accept;
		add chain inet wall in { type filter hook input priority 0; policy drop; };
		add rule inet wall in iifname { lo, %[1]s } accept; add rule inet wall in ip saddr %[2]s tcp sport 443 accept'`,
		m.device, turnHost)
}

func (s *turnSite) tls() object {
	return object{
		"id": "site", "url": "turns:" + turnHost + ":443?transport=tcp", "username": "member", "secret": turnSecret,
		"ca": filepath.Join(s.directory, "ca.pem"),
	}
}

func (s *turnSite) udp() object {
	return object{"id": "site", "url": "turn:" + turnHost + "?transport=udp", "username": "member", "secret": turnSecret}
}

func (m *member) documentWith(servers []object, peers ...object) object {
	document := m.document(false, append([]object{}, peers...)...)
	document["turn"] = append([]object{}, servers...)
	return document
}

// allocate gives the member's relayed address.
func (m *member) allocate(t *testing.T, server object) string {
	t.Helper()
	m.agent.apply(m.documentWith([]object{server}))
	return m.relayed()
}

func (m *member) relayed() string {
	up := m.agent.await("turn-changed", func(params object) bool { return params["state"] == "up" })
	return up["relayed"].(string)
}

func overTurn(endpoint string) object {
	return object{"id": "turn:site", "kind": "turn", "server": "site", "endpoint": endpoint}
}

// meet makes each of them hold an allocation and send over it to the other one's.
func (s *turnSite) meet(t *testing.T, server object) {
	t.Helper()
	atA, atB := s.a.allocate(t, server), s.b.allocate(t, server)
	s.a.agent.apply(s.a.documentWith([]object{server}, s.b.peer(overTurn(atB))))
	s.b.agent.apply(s.b.documentWith([]object{server}, s.a.peer(overTurn(atA))))
}

func TestTwoWhoMaySpeakOnlyTCP443MeetOverTURN(t *testing.T) {
	s := newTurnSite(t)
	s.a.only443(t)
	s.b.only443(t)
	capture := filepath.Join(s.directory, "capture")
	dump := exec.Command("ip", "netns", "exec", string(s.server), "tcpdump", "--immediate-mode", "-U", "-i", "any", "-w", capture)
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the capture runs", func() bool { return exists(capture) })
	s.meet(t, s.tls())
	s.a.awaitPath(t, s.b, "turn:site")
	s.b.awaitPath(t, s.a, "turn:site")
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(s.b.address()) })
	const pattern = "6d657368676174652d70696e67"
	contains(t, s.a.namespace.sh(t, "ping -c 5 -i 0.1 -s 1200 -p %s %s", pattern, s.b.address()), "5 received")

	contains(t, s.a.namespace.sh(t, "wg show %s", s.a.device), "endpoint: "+shownEndpoint(turnHost+":443"))
	path := s.a.pathOf(t, s.b, "turn:site")
	if path["kind"] != "turn" || path["server"] != "site" || path["endpoint"] != turnHost+":443" || path["up"] != true {
		t.Errorf("the path is %v", path)
	}
	var state object
	until(t, "the round trip to the server is measured", func() bool {
		state = s.a.agent.call("state", object{})["turn"].([]any)[0].(object)
		return state["rttUs"] != nil
	})
	if state["state"] != "up" || state["transport"] != "tls" || state["cause"] != nil {
		t.Errorf("the server is %v", state)
	}
	_ = dump.Process.Signal(os.Interrupt)
	_ = dump.Wait()
	seen, err := os.ReadFile(capture)
	if err != nil || len(seen) < 10_000 {
		t.Fatalf("%d bytes are captured, %v", len(seen), err)
	}
	if strings.Contains(string(seen), "meshgate-ping") {
		t.Error("somebody on the way can read what is said")
	}
}

func TestAHostWithoutUDPIsReachedByOneThatHasIt(t *testing.T) {
	s := newTurnSite(t)
	s.a.only443(t)
	atA := s.a.allocate(t, s.tls())
	s.a.agent.apply(s.a.documentWith([]object{s.tls()}, s.b.peer(overTurn("192.0.41.1:41820"))))
	s.b.agent.apply(s.b.document(false, s.a.peer(direct(atA))))
	s.a.awaitPath(t, s.b, "turn:site")
	s.b.awaitPath(t, s.a, "direct:"+atA)
	until(t, "the tunnel is up", func() bool { return s.b.namespace.ping(s.a.address()) })
	contains(t, s.b.namespace.sh(t, "wg show %s", s.b.device), "endpoint: "+atA)
	heard := s.a.agent.await("probe-heard", any1)
	if heard["from"] != "192.0.41.1:41820" || heard["server"] != "site" {
		t.Errorf("heard %v", heard)
	}
}

func TestAServerThatIsGoneTakesItsPathsDownUntilItIsBack(t *testing.T) {
	s := newTurnSite(t)
	s.meet(t, s.tls())
	s.a.awaitPath(t, s.b, "turn:site")
	s.a.agent.forget()
	s.b.agent.forget()
	s.stopTurn()
	lost := s.a.agent.await("turn-changed", any1)
	if lost["state"] != "connecting" || lost["cause"] != "connection-lost" || lost["relayed"] != nil {
		t.Errorf("the loss is told as %v", lost)
	}
	down := s.a.agent.await("path-down", any1)
	contains(t, down["reason"].(string), "no allocation")
	s.a.agent.await("turn-changed", func(params object) bool { return params["cause"] == "unreachable" })
	if endpoint := s.a.pathOf(t, s.b, "turn:site")["endpoint"]; endpoint != nil {
		t.Errorf("the path still leads to %v", endpoint)
	}
	s.startTurn(t)
	atA, atB := s.a.relayed(), s.b.relayed()
	s.a.agent.apply(s.a.documentWith([]object{s.tls()}, s.b.peer(overTurn(atB))))
	s.b.agent.apply(s.b.documentWith([]object{s.tls()}, s.a.peer(overTurn(atA))))
	s.a.awaitPath(t, s.b, "turn:site")
	until(t, "the tunnel is back", func() bool { return s.a.namespace.ping(s.b.address()) })
}

func TestACauseNamesWhatIsWrongWithAServer(t *testing.T) {
	s := newTurnSite(t)
	wrong, strange, away := s.udp(), s.tls(), s.tls()
	wrong["secret"] = "south by southeast"
	delete(strange, "ca")
	away["url"] = "turns:" + turnHost + ":444"
	wrong["id"], strange["id"], away["id"] = "wrong", "strange", "away"
	s.a.agent.apply(s.a.documentWith([]object{wrong, strange, away}))
	for id, cause := range map[string]string{"wrong": "credentials-refused", "strange": "tls-refused", "away": "unreachable"} {
		failed := s.a.agent.await("turn-changed", func(params object) bool { return params["id"] == id })
		if failed["state"] != "failed" || failed["cause"] != cause || failed["detail"] == "" {
			t.Errorf("%s is told as %v", id, failed)
		}
	}
	if changed := s.a.agent.apply(s.a.documentWith([]object{s.udp()})); len(changed) != 4 {
		t.Errorf("changed %v", changed)
	}
	s.a.relayed()
	if changed := s.a.agent.apply(s.a.documentWith([]object{s.udp()})); len(changed) != 0 {
		t.Errorf("changed %v", changed)
	}
}

func TestAHostWithoutUDPIsReachedOverAHubThatItReachesOverTURN(t *testing.T) {
	s := newTurnSite(t)
	// b and the server have no way to each other, as if the server let in another address than b's.
	hub, nsB := s.b, newNamespace(t, "c")
	wire(t, hub.namespace, nsB, 42)
	b := newMember(t, nsB, 3)
	s.a.only443(t)
	atA := s.a.allocate(t, s.tls())
	s.a.agent.apply(s.a.documentWith([]object{s.tls()},
		hub.peer(overTurn("192.0.41.1:41820")), b.peer(over("1", hub))))
	hub.agent.apply(hub.document(true, s.a.peer(direct(atA)), b.peer(direct(end(42, 2)))))
	b.agent.apply(b.document(false, hub.peer(direct(end(42, 1))), s.a.peer(over("1", hub))))
	s.a.awaitPath(t, b, "relay:1")
	b.awaitPath(t, s.a, "relay:1")
	until(t, "the tunnel is up", func() bool { return s.a.namespace.ping(b.address()) })
	contains(t, b.namespace.sh(t, "ping -c 20 -i 0.01 -s 1100 %s", s.a.address()), "20 received")
	if path := s.a.pathOf(t, b, "relay:1"); path["endpoint"] != turnHost+":443" {
		t.Errorf("the path is %v", path)
	}
	s.a.agent.forget()
	s.stopTurn()
	down := s.a.agent.await("path-down", func(params object) bool { return params["path"] == "relay:1" })
	contains(t, down["reason"].(string), "the hub cannot be reached")
	s.startTurn(t)
	atA = s.a.relayed()
	hub.agent.apply(hub.document(true, s.a.peer(direct(atA)), b.peer(direct(end(42, 2)))))
	s.a.awaitPath(t, b, "relay:1")
	until(t, "the tunnel is back", func() bool { return s.a.namespace.ping(b.address()) })
}
