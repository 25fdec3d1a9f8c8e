// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// newNamedMember is one whose resolv.conf is its own: `ip netns exec` shows each namespace the files under
// /etc/netns/<its name> in place of the machine's.
func newNamedMember(t *testing.T, number int) (m *member, resolvConf string) {
	t.Helper()
	needRoot(t)
	n := newNamespace(t, "names")
	directory := filepath.Join("/etc/netns", string(n))
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	resolvConf = filepath.Join(directory, "resolv.conf")
	if err := os.WriteFile(resolvConf, []byte(resolverBefore), 0o644); err != nil {
		t.Fatal(err)
	}
	return newMember(t, n, number), resolvConf
}

const resolverBefore = "search example.org\noptions timeout:1 attempts:1\n"

func (m *member) desiredWithNames(other *member, hosts ...object) object {
	desired := m.desired(other)
	desired["names"] = object{"zone": "home.mesh", "hosts": hosts}
	return desired
}

func named(name string, addresses ...string) object {
	return object{"name": name, "addresses": addresses}
}

func TestNamesOfTheMeshResolveOnAHostAndBack(t *testing.T) {
	a, resolvConf := newNamedMember(t, 1)
	b := &member{number: 2}
	b.private[1], b.probe[1] = 2, 2
	alice, bob := named("alice", "10.7.0.1", "fd12:3456:789a::1"), named("bob", "10.7.0.2", "fd12:3456:789a::2")
	a.agent.apply(a.desiredWithNames(b, alice, bob))
	until(t, "the resolver knows", func() bool {
		text, _ := os.ReadFile(resolvConf)
		return strings.Contains(string(text), "nameserver 10.7.0.1")
	})
	contains(t, a.namespace.sh(t, "getent ahostsv4 bob.home.mesh"), "10.7.0.2")
	contains(t, a.namespace.sh(t, "getent ahostsv6 bob.home.mesh"), "fd12:3456:789a::2")
	contains(t, a.namespace.sh(t, "getent hosts 10.7.0.2"), "bob.home.mesh")
	contains(t, a.namespace.sh(t, "getent hosts fd12:3456:789a::2"), "bob.home.mesh")
	state := a.agent.call("state", object{})["names"].(object)
	if state["zone"] != "home.mesh" || state["wiring"] != "file" || state["problem"] != nil {
		t.Errorf("state: %v", state)
	}

	if changed := a.agent.apply(a.desiredWithNames(b, alice)); len(changed) != 1 {
		t.Errorf("one host less changed %v", changed)
	}
	contains(t, a.namespace.sh(t, "getent hosts bob.home.mesh || echo unknown"), "unknown")

	a.helper.stop(t)
	if text, _ := os.ReadFile(resolvConf); string(text) != resolverBefore {
		t.Errorf("the resolver was not put back:\n%s", text)
	}
	if rules := sh(t, "ip netns exec %s nft list tables", a.namespace); strings.Contains(rules, "meshgate") {
		t.Errorf("rules were left behind:\n%s", rules)
	}
}

// A table that another program owns can be replaced by nobody else.
func TestNamesResolveOnceWhatWasInTheWayIsGone(t *testing.T) {
	a, _ := newNamedMember(t, 1)
	b := &member{number: 2}
	b.private[1], b.probe[1] = 2, 2
	problem := func() any { return a.agent.call("state", object{})["names"].(object)["problem"] }
	release := filepath.Join(t.TempDir(), "release")
	sh(t, "mkfifo %s", release)
	owner := a.namespace.background(t, "nft -i < %s", release)
	pipe, err := os.OpenFile(release, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = pipe.WriteString("add table inet meshgate-names { flags owner; }\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "the table is owned", func() bool {
		return strings.Contains(a.namespace.sh(t, "nft list ruleset"), "meshgate-names")
	})
	a.agent.apply(a.desiredWithNames(b, named("alice", "10.7.0.1")))
	until(t, "the state names what is in the way", func() bool { return problem() != nil })
	contains(t, problem().(string), "nftables")

	_ = pipe.Close()
	owner()
	until(t, "names resolve", func() bool { return problem() == nil })
	contains(t, a.namespace.sh(t, "getent hosts 10.7.0.1"), "alice.home.mesh")
}

func TestNamesAndFirewallAreBackWhenSomebodyHasFlushedAllRules(t *testing.T) {
	a, _ := newNamedMember(t, 1)
	b := &member{number: 2}
	b.private[1], b.probe[1] = 2, 2
	desired := a.desiredWithNames(b, named("alice", "10.7.0.1"))
	desired["firewall"] = object{"allow": []object{{"from": []string{"10.7.0.2"}, "protocol": "tcp", "ports": [][]int{{22, 22}}}}}
	a.agent.apply(desired)
	var before string
	until(t, "the rules are there", func() bool {
		before = a.namespace.sh(t, "nft list ruleset")
		return strings.Contains(before, "dnat ip to 10.7.0.1")
	})
	contains(t, before, "tcp dport 22-22 accept")
	a.namespace.sh(t, "nft flush ruleset")
	until(t, "the rules are back", func() bool {
		return strings.Count(a.namespace.sh(t, "nft list ruleset"), "\n") == strings.Count(before, "\n")
	})
}

func TestWhatAKilledHelperLeftGoesWithTheNext(t *testing.T) {
	a, resolvConf := newNamedMember(t, 1)
	b := &member{number: 2}
	b.private[1], b.probe[1] = 2, 2
	a.agent.apply(a.desiredWithNames(b, named("bob", "10.7.0.2")))
	until(t, "the resolver knows", func() bool {
		text, _ := os.ReadFile(resolvConf)
		return string(text) != resolverBefore
	})
	a.helper.kill()
	a.helper = start(t, a.namespace, newSocket(t))
	if text, _ := os.ReadFile(resolvConf); string(text) != resolverBefore {
		t.Errorf("the resolver was not put back:\n%s", text)
	}
}

func TestAKilledHelpersNamesAreTakenUpByTheNext(t *testing.T) {
	a, resolvConf := newNamedMember(t, 1)
	b := &member{number: 2}
	b.private[1], b.probe[1] = 2, 2
	knows := func() bool {
		text, _ := os.ReadFile(resolvConf)
		return strings.Count(string(text), "nameserver 10.7.0.1") == 1
	}
	a.agent.apply(a.desiredWithNames(b, named("bob", "10.7.0.2")))
	until(t, "the resolver knows", knows)
	a.helper.kill()
	a.helper = start(t, a.namespace, newSocket(t))
	a.agent = a.helper.connect(t)
	a.agent.apply(a.desiredWithNames(b, named("bob", "10.7.0.2")))
	until(t, "the next one answers", func() bool {
		return knows() && strings.Contains(a.namespace.sh(t, "getent ahostsv4 bob.home.mesh || true"), "10.7.0.2")
	})
	a.helper.stop(t)
	if text, _ := os.ReadFile(resolvConf); string(text) != resolverBefore {
		t.Errorf("the resolver was not put back:\n%s", text)
	}
}

// Whoever asks while the helper is dead waits for the next one, and is told no wrong thing by somebody else.
func TestANameIsAskedForWhileTheHelperIsBeingStartedAnew(t *testing.T) {
	a, resolvConf := newNamedMember(t, 1)
	b := &member{number: 2}
	b.private[1], b.probe[1] = 2, 2
	a.agent.call("shutdown", object{})
	_ = a.helper.command.Wait()
	a.helper = startWith(t, a.helper.socket, "ip", "netns", "exec", string(a.namespace), binary, "--supervise", "--socket", a.helper.socket)
	a.agent = a.helper.connect(t)
	a.agent.apply(a.desiredWithNames(b, named("bob", "10.7.0.2")))
	asks := func() bool {
		return exec.Command("ip", "netns", "exec", string(a.namespace), "getent", "ahostsv4", "bob.home.mesh").Run() == nil
	}
	until(t, "names resolve", asks)
	for range 3 {
		if err := syscall.Kill(childOf(t, a.helper.command.Process.Pid), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// Before the file was put back, and while it is.
		if err := os.WriteFile(resolvConf, []byte("nameserver 10.7.0.1\noptions timeout:5 attempts:1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if !asks() {
			t.Error("the name does not resolve")
		}
	}
}
