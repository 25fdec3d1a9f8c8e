// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

func TestADeviceThatSomebodyDeletesIsMadeAgain(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	sh(t, "ip -n %s link del %s", a.namespace, a.device)
	a.agent.await("device-lost", any1)
	until(t, "the tunnel is back", func() bool { return a.namespace.ping(b.address()) })
	if changed := a.agent.apply(a.desired(b, 2)); len(changed) != 0 {
		t.Errorf("the agent still had to change %v", changed)
	}
}

func TestADeviceThatSomebodyChangesIsPutRight(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	sh(t, "ip -n %s link set dev %s mtu 1300", a.namespace, a.device)
	sh(t, "ip -n %s link set dev %s down", a.namespace, a.device)
	sh(t, "ip -n %s addr flush dev %s", a.namespace, a.device)
	until(t, "the tunnel is back", func() bool { return a.namespace.ping(b.address()) })
	until(t, "addresses and MTU are back", func() bool {
		shown := sh(t, "ip -n %s addr show dev %s", a.namespace, a.device)
		return strings.Contains(shown, "mtu 1280") && strings.Contains(shown, "fd12:3456:789a::1/48")
	})
}

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	a, b := newPair(t, 2)
	sh(t, "ip -n %s route add 10.20.0.0/16 dev %s", a.namespace, a.device)
	desired := a.desired(b, 2)
	desired["routes"] = []object{{"destination": "10.10.0.0/16"}}
	a.agent.apply(desired)
	routes := sh(t, "ip -n %s route", a.namespace)
	contains(t, routes, "10.20.0.0/16")
	contains(t, routes, "10.10.0.0/16 dev "+a.device+" proto 77")
	if strings.Contains(routes, "10.9.0.0/16") {
		t.Errorf("the old route is still there:\n%s", routes)
	}
	sh(t, "ip -n %s route add 10.11.0.0/16 dev w2", a.namespace)
	desired["routes"] = []object{{"destination": "10.11.0.0/16"}}
	a.agent.expectReason(desired, "system")
	contains(t, sh(t, "ip -n %s route", a.namespace), "10.11.0.0/16 dev w2")
}

func TestWhatTheSystemRefusesIsNamed(t *testing.T) {
	needRoot(t)
	n := newNamespace(t, "a")
	a, b := newMember(t, n, 1), &member{number: 2}
	b.private[1], b.probe[1] = 1, 1

	sh(t, "ip -n %s tuntap add dev %s mode tun", n, a.device)
	a.agent.expectReason(a.desired(b), "name-taken")
	sh(t, "ip -n %s link show %s && ip -n %s link del %s", n, a.device, n, a.device)

	other := newMember(t, n, 3)
	taker := other.desired(b)
	taker["routes"] = []object{}
	other.agent.apply(taker)
	a.agent.expectReason(a.desired(b), "port-taken")
	if strings.Contains(sh(t, "ip -n %s link", n), a.device) {
		t.Error("a device without a port was left behind")
	}
	elsewhere := a.desired(b)
	elsewhere["device"].(object)["addresses"] = []string{"10.7.0.1/32"}
	elsewhere["device"].(object)["listenPort"] = 0
	a.agent.apply(elsewhere)
	a.agent.expectReason(a.desired(b), "port-taken")
	if changed := a.agent.apply(elsewhere); len(changed) != 0 {
		t.Errorf("the refused port changed %v", changed)
	}
}

func TestAHostWithoutTunIsToldSo(t *testing.T) {
	needRoot(t)
	n, socket := newNamespace(t, "a"), newSocket(t)
	h := startWith(t, socket, "ip", "netns", "exec", string(n), "unshare", "-m", "sh", "-c",
		"mount -t tmpfs none /dev/net && exec "+binary+" --engine "+engine+" --socket "+socket)
	a, b := &member{number: 1, device: "mg-none"}, &member{number: 2}
	a.private[1], a.probe[1], b.private[1], b.probe[1] = 1, 1, 2, 2
	h.connect(t).expectReason(a.desired(b), "tun-missing")
}

func TestShutdownLeavesNothingBehind(t *testing.T) {
	a, _ := newPair(t, 2)
	a.agent.call("shutdown", object{})
	if err := a.helper.command.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if exists(a.helper.socket) || exists("/var/run/wireguard/"+a.device+".sock") {
		t.Error("a socket was left behind")
	}
	if links := sh(t, "ip -n %s link", a.namespace); strings.Contains(links, a.device) {
		t.Errorf("the device was left behind:\n%s", links)
	}
	if _, err := net.Dial("unix", a.helper.socket); err == nil {
		t.Error("somebody still answers")
	}
}

func TestWgMayLookButNotTouch(t *testing.T) {
	a, b := newPair(t, 2)
	text, err := exec.Command("ip", "netns", "exec", string(a.namespace), "wg", "set", a.device, "peer", b.key(), "remove").CombinedOutput()
	if err == nil {
		t.Errorf("wg removed a peer: %s", text)
	}
	contains(t, a.namespace.sh(t, "wg show %s peers", a.device), b.key())
}

func TestAPeerWithoutAPathIsShownWithoutAnEndpoint(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.apply(a.desired(b))
	contains(t, a.namespace.sh(t, "wg show %s endpoints", a.device), "(none)")
	answer := a.agent.ask("echo", object{"peer": b.key()})
	if answer.Error == nil || answer.Error.Code != -32040 {
		t.Errorf("answered %+v", answer)
	}
}

func TestAHostThatSwitchesIPv6OffStillJoins(t *testing.T) {
	needRoot(t)
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	for _, scope := range []string{"all", "default"} {
		nsA.sh(t, "sysctl -qw net.ipv6.conf.%s.disable_ipv6=1", scope)
	}
	wireIPv4(t, nsA, nsB, 2)
	a, b := newMember(t, nsA, 1), newMember(t, nsB, 2)
	a.agent.apply(a.desired(b, 2))
	b.agent.apply(b.desired(a, 2))
	a.agent.await("path-up", any1)
	b.agent.await("path-up", any1)
	until(t, "the tunnel is up", func() bool { return b.namespace.ping(a.address()) })
	if !b.namespace.ping("fd12:3456:789a::1") {
		t.Error("it does not answer over IPv6")
	}
	if changed := a.agent.apply(a.desired(b, 2)); len(changed) != 0 {
		t.Errorf("applying again changed %v", changed)
	}
}
