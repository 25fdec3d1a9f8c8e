// SPDX-License-Identifier: Apache-2.0

package integration

import "testing"

// A probe that measures is as long as an IP packet with these: IPv4, UDP and WireGuard.
const overhead = 20 + 8 + 32

// newRoutedPair has a router between two members, and sets how much the hop behind it carries.
func newRoutedPair(t *testing.T) (a *member, peer string, narrow func(mtu int)) {
	t.Helper()
	needRoot(t)
	nsA, router, nsB := newNamespace(t, "a"), newNamespace(t, "r"), newNamespace(t, "b")
	wire(t, nsA, router, 3)
	wire(t, router, nsB, 4)
	router.sh(t, "sysctl -qw net.ipv4.ip_forward=1")
	sh(t, "ip -n %s route add default via 192.0.3.2 && ip -n %s route add default via 192.0.4.1", nsA, nsB)
	a = newMember(t, nsA, 1)
	b := newMember(t, nsB, 2)
	for _, m := range []struct {
		of, other *member
		endpoint  string
	}{{a, b, end(4, 2)}, {b, a, end(3, 1)}} {
		document := m.of.desired(m.other)
		document["peers"].([]object)[0]["paths"] = []object{{"id": "way", "kind": "direct", "endpoint": m.endpoint}}
		m.of.agent.apply(document)
	}
	peer = b.key()
	until(t, "a path", func() bool { return a.measures(peer, 1280).Error == nil })
	return a, peer, func(mtu int) {
		sh(t, "ip -n %s link set w4 mtu %d && ip -n %s link set w4 mtu %d", router, mtu, nsB, mtu)
	}
}

func (m *member) measures(peer string, size int) message {
	return m.agent.ask("measure", object{"peer": peer, "path": "way", "sizeBytes": size, "timeoutMs": 400})
}

func TestAMeasuringProbeGetsThroughWholeOrNotAtAllWhateverRoutersHaveSaid(t *testing.T) {
	if engine != "userspace" {
		t.Skip("the kernel's engine shares its port, and believes what routers have said")
	}
	a, peer, narrow := newRoutedPair(t)
	if answer := a.measures(peer, 1420); answer.Error != nil {
		t.Errorf("1420 bytes where 1500 fit: %+v", *answer.Error)
	}
	narrow(1400)
	answer := a.measures(peer, 1420)
	if answer.Error == nil || answer.Error.Code != -32031 || answer.Error.Data["mtu"] != float64(1400-overhead) {
		t.Errorf("1420 bytes where 1400 fit: %+v", answer)
	}
	if answer := a.measures(peer, 1400-overhead); answer.Error != nil {
		t.Errorf("what the hop has said: %+v", *answer.Error)
	}
	narrow(1300)
	// What IPv6 asks of every link arrives in pieces, the first one already.
	if answer := a.measures(peer, 1280); answer.Error != nil {
		t.Errorf("1280 bytes where 1300 fit: %+v", *answer.Error)
	}
	narrow(1500)
	if answer := a.measures(peer, 1420); answer.Error != nil {
		t.Errorf("1420 bytes where 1500 fit again: %+v", *answer.Error)
	}
}
