// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const modprobe = "/proc/sys/kernel/modprobe"

// needGuest is for what no other machine should suffer.
func needGuest(t *testing.T) {
	t.Helper()
	if name, _ := os.Hostname(); name != "kernel-vm" {
		t.Fatal("this runs only in the virtual machine of scripts/kernel-vm")
	}
}

// withoutModules unloads modules of the kernel, and lets it load none until the test ends.
func withoutModules(t *testing.T, patterns ...string) {
	t.Helper()
	needGuest(t)
	// What the tests themselves need; and netfilter's protocol, which answers otherwise than no protocol would.
	sh(t, "modprobe -a veth tun wireguard nfnetlink")
	before, err := os.ReadFile(modprobe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(modprobe, []byte("/bin/false"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(modprobe, before, 0o644); err != nil {
			t.Error(err)
		}
	})
	loaded := func() (names []string) {
		text, _ := os.ReadFile("/proc/modules")
		for line := range strings.Lines(string(text)) {
			name, _, _ := strings.Cut(line, " ")
			for _, pattern := range patterns {
				if strings.HasPrefix(name, pattern) {
					names = append(names, name)
				}
			}
		}
		return names
	}
	until(t, "the modules are unloaded", func() bool {
		for _, name := range loaded() {
			// Those that others stand on go in a later turn.
			_ = exec.Command("rmmod", name).Run()
		}
		return len(loaded()) == 0
	})
}

func TestAKernelThatMayLoadNoWireGuardIsSaidToHaveNone(t *testing.T) {
	withoutModules(t, "wireguard")
	n := newNamespace(t, "a")
	hello := startOn(t, n, newSocket(t), "auto").connect(t).hello
	reason, _ := hello["engineReason"].(string)
	if hello["engine"] != "userspace" || !strings.Contains(reason, "the kernel has no WireGuard") {
		t.Errorf("hello says %v", hello)
	}
	refused, err := exec.Command("ip", "netns", "exec", string(n), binary, "--engine", "kernel", "--socket", newSocket(t)).CombinedOutput()
	if err == nil {
		t.Error("it starts")
	}
	contains(t, string(refused), "load the module `wireguard`, or let the engine be auto or userspace")
}

// withoutNftables is a pair on a host whose kernel has none.
func withoutNftables(t *testing.T) (a, b *member) {
	t.Helper()
	withoutModules(t, "nft_", "nf_tables", "nf_nat", "nf_conntrack")
	a, b = newKernelPair(t)
	if text, err := exec.Command("nft", "list", "tables").CombinedOutput(); err == nil {
		t.Fatalf("nftables is there: %s", text)
	}
	contains(t, a.helper.log.String(), "without nftables the port is shared by raw sockets")
	return a, b
}

func TestWithoutNftablesThePortIsSharedByRawSockets(t *testing.T) {
	a, b := withoutNftables(t)
	contains(t, a.namespace.sh(t, "ping -q -c 20 -i 0.1 -s 1200 %s", b.address()), " 0% packet loss")
	desired := a.desired(b, 2)
	desired["firewall"] = object{"allow": []object{}}
	answer := a.agent.ask("apply", object{"desired": desired})
	if answer.Error == nil || !strings.Contains(fmt.Sprint(answer.Error.Data["remedy"]), "nf_tables") {
		t.Errorf("a firewall that nobody can keep is answered with %+v", answer)
	}
	contains(t, a.namespace.sh(t, "ping -q -c 2 -i 0.2 -W 1 %s || true", b.address()), " 100% packet loss")
}

func TestWithoutNftablesHubsRelayAndTakeOver(t *testing.T) {
	withoutModules(t, "nft_", "nf_tables", "nf_nat", "nf_conntrack")
	s := newStar(t, 2)
	s.outlivesItsFirstHub(t)
}

func TestAClockThatIsSetMovesNoPathAndNeedsNoHandshake(t *testing.T) {
	needGuest(t)
	a, b := newPair(t, 2, 3)
	for _, m := range []*member{a, b} {
		for _, path := range []string{"w2", "w3"} {
			m.agent.await("path-up", func(params object) bool { return params["path"] == path })
		}
	}
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	until(t, "the kernel sends straight", func() bool { return strings.Contains(a.shown(t, "endpoints"), "192.0.2.2:41820") })
	before := a.shown(t, "latest-handshakes")
	for _, m := range []*member{a, b} {
		m.agent.forget()
	}
	began, clock := time.Now(), time.Now().Round(0)
	t.Cleanup(func() { setClock(t, clock.Add(time.Since(began))) })
	for _, ahead := range []time.Duration{time.Hour, -2 * time.Hour, 1000 * 24 * time.Hour, 0} {
		setClock(t, clock.Add(time.Since(began)+ahead))
		for range 3 {
			if !a.namespace.ping(b.address()) || !b.namespace.ping(a.address()) {
				t.Errorf("no answer with the clock set by %v", ahead)
			}
			time.Sleep(time.Second)
		}
	}
	for _, m := range []*member{a, b} {
		m.agent.mutex.Lock()
		for _, event := range m.agent.events {
			if event.Method == "switched" || event.Method == "path-down" {
				t.Errorf("member %d: %s %v", m.number, event.Method, event.Params)
			}
		}
		m.agent.mutex.Unlock()
	}
	if after := a.shown(t, "latest-handshakes"); after != before {
		t.Errorf("the last handshakes were\n%s\nand are\n%s", before, after)
	}
}

func setClock(t *testing.T, to time.Time) {
	t.Helper()
	now := unix.NsecToTimeval(to.UnixNano())
	if err := unix.Settimeofday(&now); err != nil {
		t.Fatal(err)
	}
}

func TestAKernelWithoutIPv6CarriesAMeshOfIPv4(t *testing.T) {
	if exists("/proc/net/if_inet6") {
		t.Fatal("this kernel has IPv6; scripts/test-kernel no-ipv6 boots one that has not")
	}
	needRoot(t)
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	wireIPv4(t, nsA, nsB, 2)
	a, b := newMember(t, nsA, 1), newMember(t, nsB, 2)
	a.agent.apply(a.desired(b, 2))
	b.agent.apply(b.desired(a, 2))
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	until(t, "the kernel sends straight", func() bool { return strings.Contains(a.shown(t, "endpoints"), "192.0.2.2:41820") })
	if changed := a.agent.apply(a.desired(b, 2)); len(changed) != 0 {
		t.Errorf("applying again changed %v", changed)
	}
	a.namespace.sh(t, "nft flush ruleset")
	until(t, "the rules are back", func() bool {
		return strings.Contains(a.namespace.sh(t, "nft list ruleset"), a.table()) && a.namespace.ping(b.address())
	})
}
