// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTwoHelpersFindEachOtherAndCarryPackets(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	b.agent.await("path-up", any1)
	for _, address := range []string{b.address(), "fd12:3456:789a::2"} {
		if !a.namespace.ping(address) {
			t.Errorf("%s does not answer", address)
		}
	}
	shown := a.namespace.sh(t, "wg show %s", a.device)
	contains(t, shown, "endpoint: 192.0.2.2:41820")
	contains(t, shown, "latest handshake")
	contains(t, sh(t, "ip -n %s route show proto 77", a.namespace), "10.9.0.0/16 dev "+a.device+" scope link mtu 1200")

	echo := a.agent.call("echo", object{"peer": b.key(), "sizeBytes": 1252})
	if echo["path"] != "w2" || echo["endpoint"] != "192.0.2.2:41820" || echo["rttUs"].(float64) <= 0 {
		t.Errorf("echo says %v", echo)
	}
	state := a.agent.call("state", object{})
	peer := state["peers"].([]any)[0].(map[string]any)
	if peer["activePath"] != "w2" || peer["lastHandshakeMs"] == nil || peer["session"].(map[string]any)["rttUs"] == nil {
		t.Errorf("the peer's state is %v", peer)
	}
	a.agent.await("stats", any1)
}

func TestAProbeOfACandidateIsAnsweredWithWhatThePeerSaw(t *testing.T) {
	a, b := newPair(t, 2)
	transaction := "000102030405060708090a0b0c0d0e0f"
	a.agent.call("probe", object{"peer": b.key(), "endpoint": "[fd00:2::2]:41820", "transaction": transaction})
	reply := a.agent.await("probe-reply", any1)
	if reply["transaction"] != transaction || reply["endpoint"] != "[fd00:2::2]:41820" || reply["observed"] != "[fd00:2::1]:41820" {
		t.Errorf("reply %v", reply)
	}
	b.agent.await("probe-heard", func(params map[string]any) bool { return params["from"] == "[fd00:2::1]:41820" })
}

// Answered, it would become a path that carries itself.
func TestAProbeThatCameThroughTheTunnelIsNotAnswered(t *testing.T) {
	a, b := newPair(t, 2)
	until(t, "the tunnel stands", func() bool { return a.namespace.ping(b.address()) })
	for n, endpoint := range []string{b.address() + ":41820", "[fd12:3456:789a::2]:41820", "192.0.2.2:41820"} {
		transaction := fmt.Sprintf("%032x", n+1)
		a.agent.call("probe", object{"peer": b.key(), "endpoint": endpoint, "transaction": transaction})
		// Whatever went through the tunnel has arrived before this.
		until(t, "the tunnel stands", func() bool { return a.namespace.ping(b.address()) })
	}
	if reply := a.agent.await("probe-reply", any1); reply["endpoint"] != "192.0.2.2:41820" {
		t.Errorf("reply %v", reply)
	}
	if heard := b.agent.await("probe-heard", any1); heard["from"] != "192.0.2.1:41820" {
		t.Errorf("heard %v", heard)
	}
}

func TestAgentsSpeakSTUNThroughThePort(t *testing.T) {
	a, b := newPair(t, 2)
	// A datagram that leaves before the neighbour is known may be lost.
	a.agent.await("path-up", any1)
	a.agent.call("send-datagram", object{"to": "192.0.2.2:41820", "payload": "AAEAACESpEIAAQIDBAUGBwgJCgs="})
	answer := a.agent.await("datagram", any1)
	if answer["from"] != "192.0.2.2:41820" || answer["payload"] != "AQEADCESpEIAAQIDBAUGBwgJCgsAIAAIAAGCTuESpkM=" {
		t.Errorf("answer %v", answer)
	}
	quiet := b.desired(a, 2)
	quiet["device"].(object)["stunServer"] = false
	b.agent.apply(quiet)
	a.agent.call("send-datagram", object{"to": "192.0.2.2:41820", "payload": "AAEAACESpEIAAQIDBAUGBwgJCgs="})
	b.agent.await("datagram", func(params map[string]any) bool { return params["from"] == "192.0.2.1:41820" })
}

func TestItGoesOnWithoutItsAgentAndChangesNothingWhenItComesBack(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	b.agent.await("path-up", any1)
	instance := a.agent.hello["instance"]
	_ = a.agent.socket.Close()
	if !b.namespace.ping(a.address()) {
		t.Error("the tunnel is down without its agent")
	}
	back := a.helper.connect(t)
	if changed := back.apply(a.desired(b, 2)); len(changed) != 0 || back.hello["instance"] != instance {
		t.Errorf("changed %v, instance %v after %v", changed, back.hello["instance"], instance)
	}
}

func TestAKilledHelperGoesOnWithWhatItWasToldWithoutAnAgent(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	until(t, "the tunnel stands", func() bool { return a.namespace.ping(b.address()) })
	instance := a.agent.hello["instance"]
	a.helper.kill()
	if !exists(a.helper.socket) {
		t.Fatal("the socket went with the helper, so this tests nothing")
	}
	began := time.Now()
	a.helper = start(t, a.namespace, a.helper.socket)
	until(t, "the tunnel is back", func() bool { return a.namespace.ping(b.address()) })
	t.Logf("back after %v", time.Since(began).Round(time.Millisecond))
	a.agent = a.helper.connect(t)
	if a.agent.hello["instance"] == instance {
		t.Error("a new start has the old instance")
	}
	if state := a.agent.call("state", object{}); state["restored"] != true {
		t.Errorf("it says that restored is %v", state["restored"])
	}
	if changed := a.agent.apply(a.desired(b, 2)); len(changed) != 0 {
		t.Errorf("the agent had to change %v", changed)
	}
}

func TestAStateFileThatIsCutShortHurtsNothing(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	a.helper.kill()
	file := filepath.Join(filepath.Dir(a.helper.socket), "helper.state")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	a.helper = start(t, a.namespace, a.helper.socket)
	a.agent = a.helper.connect(t)
	if state := a.agent.call("state", object{}); state["restored"] != false || state["device"] != nil {
		t.Errorf("restored is %v, the device %v", state["restored"], state["device"])
	}
	if changed := a.agent.apply(a.desired(b, 2)); len(changed) == 0 {
		t.Error("nothing had to be made")
	}
	until(t, "the tunnel is back", func() bool { return a.namespace.ping(b.address()) })
}

func TestAHelperThatDiesIsStartedAgainByItsSupervisorAndTakesThatWithItWhenItIsStopped(t *testing.T) {
	a, b := newPair(t, 2)
	a.supervise(t, b, 2)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGHUP, syscall.SIGSEGV} {
		began := time.Now()
		killChild(t, a.helper, signal)
		until(t, "the tunnel is back", func() bool { return a.namespace.ping(b.address()) })
		t.Logf("%v: back after %v", signal, time.Since(began).Round(time.Millisecond))
	}
	a.helper.stop(t)
	if exists(a.helper.socket) || exists(filepath.Join(filepath.Dir(a.helper.socket), "helper.state")) {
		t.Error("something is left")
	}
}

func childrenOf(pid int) string {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	all := []string{}
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		all = append(all, strings.Fields(string(text))...)
	}
	return strings.Join(all, " ")
}

// childOf waits for the only one.
func childOf(t *testing.T, pid int) (child int) {
	t.Helper()
	until(t, "a child", func() bool {
		number, err := strconv.Atoi(childrenOf(pid))
		child = number
		return err == nil
	})
	return child
}

func TestTrafficMovesToAnotherPathAndBack(t *testing.T) {
	a, b := newPair(t, 2, 3)
	a.agent.await("path-up", func(params map[string]any) bool { return params["path"] == "w2" })
	a.agent.await("path-up", func(params map[string]any) bool { return params["path"] == "w3" })
	a.awaitUse(t, b, "w2")
	b.awaitUse(t, a, "w2")
	sh(t, "ip -n %s link set dev w2 down", b.namespace)
	switched := a.agent.await("switched", func(params map[string]any) bool { return params["to"] == "w3" })
	if switched["from"] != "w2" || switched["cause"] != "path-down" || switched["gapMs"].(float64) < 500 {
		t.Errorf("switched %v", switched)
	}
	b.agent.await("switched", func(params map[string]any) bool { return params["to"] == "w3" })
	if !a.namespace.ping(b.address()) {
		t.Error("no answer over the other path")
	}
	contains(t, a.namespace.sh(t, "wg show %s", a.device), "endpoint: 192.0.3.2:41820")
	b.agent.await("links-changed", any1)
	a.agent.forget()
	sh(t, "ip -n %s link set dev w2 up", b.namespace)
	a.agent.await("switched", func(params map[string]any) bool { return params["to"] == "w2" && params["cause"] == "path-up" })
}
