// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/protocol"
)

// within runs on a thread that is in the namespace, and ends with it.
func (n namespace) within(t *testing.T, run func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		file, err := os.Open("/var/run/netns/" + string(n))
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			_ = file.Close()
		}
		if err == nil {
			run()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// newBarePair is the kernel's WireGuard, set up with wg, and nothing of ours.
func newBarePair(t *testing.T, networks ...int) (a, b *member) {
	t.Helper()
	needRoot(t)
	a, b = &member{namespace: newNamespace(t, "c"), number: 1}, &member{namespace: newNamespace(t, "d"), number: 2}
	for _, network := range networks {
		wire(t, a.namespace, b.namespace, network)
	}
	members := []*member{a, b}
	for _, m := range members {
		m.private[1], m.device = byte(m.number), fmt.Sprintf("wg%d-%d", os.Getpid(), m.number)
		sh(t, "ip -n %s link add %s type wireguard", m.namespace, m.device)
	}
	for i, m := range members {
		other := members[1-i]
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte(m.private.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		m.namespace.sh(t, "wg set %s private-key %s listen-port 41820 peer %s allowed-ips %s/32 endpoint 192.0.%d.%d:41820",
			m.device, key, other.key(), other.address(), networks[0], other.number)
		sh(t, "ip -n %s addr add %s/16 dev %s && ip -n %s link set dev %s mtu 1280 up",
			m.namespace, m.address(), m.device, m.namespace, m.device)
	}
	return a, b
}

// TestAnEndpointSetRightAfterAnotherIsTheKernelsUnlessAPacketComesFromElsewhere measures what a program that
// steers the kernel's WireGuard has to live with; what the engine makes of it is lookAgain.
func TestAnEndpointSetRightAfterAnotherIsTheKernelsUnlessAPacketComesFromElsewhere(t *testing.T) {
	a, b := newBarePair(t, 2, 3)
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	const rounds = 200
	measure := func() (ignored, undone int) {
		a.namespace.within(t, func() {
			control, err := wgctrl.New()
			if err != nil {
				t.Error(err)
				return
			}
			defer control.Close()
			peer := wgtypes.Key(protocol.PublicKey(b.private))
			set := func(network byte) {
				change := wgtypes.PeerConfig{
					PublicKey: peer, UpdateOnly: true, Endpoint: &net.UDPAddr{IP: net.IPv4(192, 0, network, 2), Port: 41820},
				}
				if err := control.ConfigureDevice(a.device, wgtypes.Config{Peers: []wgtypes.PeerConfig{change}}); err != nil {
					t.Error(err)
				}
			}
			is := func() byte {
				device, err := control.Device(a.device)
				if err != nil {
					t.Error(err)
					return 0
				}
				return device.Peers[0].Endpoint.IP.To4()[2]
			}
			for range rounds {
				set(2)
				set(3)
				if is() != 3 {
					ignored++
				}
				time.Sleep(30 * time.Millisecond)
				if is() != 3 {
					undone++
				}
			}
		})
		return ignored, undone
	}
	ignored, undone := measure()
	t.Logf("idle: %d of %d ignored, %d undone 30 ms later", ignored, rounds, undone)
	if ignored+undone > 0 {
		t.Error("the kernel does not do as it is told")
	}
	// The peer's answers come from the address that it was asked at: those to what left before the switch
	// come from the other one, and the kernel follows them.
	pings := a.namespace.background(t, "ping -q -i 0.01 -w 20 %s", b.address())
	ignored, undone = measure()
	t.Logf("with traffic: %d of %d ignored, %d undone 30 ms later\n%s", ignored, rounds, undone, pings())
}

// TestASwitchUnderTrafficIsNotUndone is the same with the engine: its rules keep from the kernel what comes over
// a path that has been left.
func TestASwitchUnderTrafficIsNotUndone(t *testing.T) {
	a, b := newPair(t, 2, 3)
	until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
	a.awaitUse(t, b, "w2")
	// By number and not by time: at the end of a time the last one would count as lost while its answer is under way.
	pings := a.namespace.background(t, "ping -q -i 0.01 -W 2 -c 2000 %s", b.address())
	for round := range 8 {
		order := [][]int{{3, 2}, {2, 3}}[round%2]
		a.agent.forget()
		a.agent.apply(a.desired(b, order...))
		a.agent.await("switched", func(params object) bool { return params["to"] == fmt.Sprintf("w%d", order[0]) })
		time.Sleep(200 * time.Millisecond)
		// While a path is doubted packets leave over both, by the helper; but never over the one that was left alone.
		for range 5 {
			if shown := a.shown(t, "endpoints"); strings.Contains(shown, fmt.Sprintf("192.0.%d.2:41820", order[1])) {
				t.Errorf("the kernel has gone back: %s", shown)
			}
		}
	}
	said := pings()
	t.Log(said)
	contains(t, said, " 0% packet loss")
	if strings.Contains(a.helper.log.String(), "device put right") {
		t.Errorf("a switch was undone, and done again:\n%s", a.helper.log)
	}
}
