// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/late"
)

// A gateway that has lost its prefixes to another one, as a host sees it that lets nobody in: the other one cannot be
// reached, so that nothing comes but late answers. Of 78 the gateway may not speak.
func newLateGateway(t *testing.T) (host, gateway *member) {
	t.Helper()
	host, gateway = newPair(t, 1)
	until(t, "the tunnel is up", func() bool { return gateway.namespace.ping(host.address()) })
	other := &member{number: 3}
	other.private[1], other.probe[1] = 3, 3
	prefixes := []string{"192.168.77.0/24", "192.168.78.0/24", "fd00:77::/64", "fd00:78::/64"}
	for _, prefix := range prefixes {
		host.namespace.sh(t, "ip route add %s dev %s", prefix, host.device)
	}
	for _, address := range []string{"192.168.77.1/32", "192.168.78.1/32", "fd00:77::1/128", "fd00:78::1/128"} {
		gateway.namespace.sh(t, "ip address add %s dev lo nodad", address)
	}
	desired := gateway.desired(host, 1)
	desired["lateFrom"] = prefixes
	gateway.agent.apply(desired)

	desired = host.desired(gateway, 1)
	holder := other.peer()
	holder["allowedIps"] = append(holder["allowedIps"].([]string), prefixes...)
	peers := desired["peers"].([]object)
	peers[0]["lateIps"] = []string{"192.168.77.0/24", "fd00:77::/64"}
	desired["peers"] = append(peers, holder)
	desired["firewall"] = object{"allow": []object{}}
	host.agent.apply(desired)
	return host, gateway
}

func TestALateAnswerArrivesAndNothingElse(t *testing.T) {
	host, gateway := newLateGateway(t)
	for _, pair := range [][3]string{
		{"10.7.0.1", "192.168.77.1", "192.168.78.1"},
		{"fd12:3456:789a::1", "fd00:77::1", "fd00:78::1"},
	} {
		at := func(end, port int) string { return net.JoinHostPort(pair[end], fmt.Sprint(port)) }
		asking, asked := host.namespace.dial(t, at(0, 5000), at(1, 6000)), gateway.namespace.dial(t, at(1, 6000), at(0, 5000))
		idle, calling := host.namespace.dial(t, at(0, 5001), at(1, 6001)), gateway.namespace.dial(t, at(1, 6001), at(0, 5001))
		misled, lying := host.namespace.dial(t, at(0, 5002), at(2, 6002)), gateway.namespace.dial(t, at(2, 6002), at(0, 5002))
		send(t, asking, "question")
		send(t, misled, "question")
		send(t, calling, "nobody asked")
		send(t, lying, "not to be spoken for")
		// The last of them, and so long that it is cut on its way.
		answer := strings.Repeat("x", 1200)
		send(t, asked, answer)
		if heard := receive(asking, time.Now().Add(5*time.Second)); heard != answer {
			t.Errorf("%s: heard %.50q", pair[0], heard)
		}
		for _, socket := range []*net.UDPConn{idle, misled} {
			if size := waiting(t, socket); size > 0 {
				t.Errorf("%s: %d bytes came in at %s", pair[0], size, socket.LocalAddr())
			}
		}
	}
}

// Any program on a gateway may send from its address, but not from the helper's port.
func TestALateAnswerIsTheHelpersAlone(t *testing.T) {
	host, gateway := newLateGateway(t)
	asking, asked := host.namespace.dial(t, "10.7.0.1:5000", "192.168.77.1:6000"), gateway.namespace.dial(t, "192.168.77.1:6000", "10.7.0.1:5000")
	send(t, asking, "question")
	forger := gateway.namespace.dial(t, "10.7.0.2:9999", fmt.Sprintf("10.7.0.1:%d", late.Port))
	const datagram = "\x45\x00\x00\x22\x00\x00\x00\x00\x40\x11\x00\x00\xc0\xa8\x4d\x01\x0a\x07\x00\x01\x17\x70\x13\x88\x00\x0e\x00\x00forged"
	send(t, forger, datagram)
	send(t, asked, "genuine")
	if heard := receive(asking, time.Now().Add(5*time.Second)); heard != "genuine" {
		t.Errorf("heard %q", heard)
	}
}

func send(t *testing.T, socket *net.UDPConn, text string) {
	t.Helper()
	if _, err := socket.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func receive(socket *net.UDPConn, deadline time.Time) string {
	_ = socket.SetReadDeadline(deadline)
	buffer := make([]byte, 2_000)
	size, _ := socket.Read(buffer)
	return string(buffer[:size])
}

// waiting is the size of what has come already.
func waiting(t *testing.T, socket *net.UDPConn) (size int) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { size, _, _ = unix.Recvfrom(int(fd), make([]byte, 2_000), unix.MSG_DONTWAIT) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return size
}
