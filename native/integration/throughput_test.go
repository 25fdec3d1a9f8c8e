// SPDX-License-Identifier: Apache-2.0

//go:build throughput

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const seconds = 5

// TestThroughputIsAboveThatOfWireguardGo (go test -tags throughput -run Throughput -v, a minute) compares in one run, because only ratios mean anything on
// a machine that is shared.
func TestThroughputIsAboveThatOfWireguardGo(t *testing.T) {
	for _, mtu := range []int{1280, 1420} {
		theirs := measure(t, func(t *testing.T) (a, b namespace) { return newPlainPair(t, mtu) })
		ours := measure(t, func(t *testing.T) (namespace, namespace) {
			a, b := newPairWithMTU(t, mtu)
			t.Cleanup(func() { t.Logf("MTU %d: %s; %s", mtu, residentOf(t, a), residentOf(t, b)) })
			return a.namespace, b.namespace
		})
		for streams, rate := range ours {
			ratio := rate / theirs[streams]
			t.Logf("MTU %d, %d streams: %.0f against %.0f Mbit/s, %.1f times", mtu, streams, rate, theirs[streams], ratio)
			if ratio < 1.5 {
				t.Errorf("less than 1.5 times")
			}
		}
	}
}

func measure(t *testing.T, start func(*testing.T) (a, b namespace)) map[int]float64 {
	t.Helper()
	rates := map[int]float64{}
	t.Run("one pair", func(t *testing.T) {
		a, b := start(t)
		until(t, "the tunnel is up", func() bool { return a.ping("10.7.0.2") })
		for _, streams := range []int{1, 4} {
			server := exec.Command("ip", "netns", "exec", string(b), "iperf3", "-s", "-1")
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "iperf3 listens", func() bool { return strings.Contains(b.sh(t, "ss -tln"), ":5201") })
			var report struct {
				End struct {
					Received struct {
						Rate float64 `json:"bits_per_second"`
					} `json:"sum_received"`
				}
			}
			text := a.sh(t, "iperf3 -J -c 10.7.0.2 -t %d -P %d", seconds, streams)
			if err := json.Unmarshal([]byte(text), &report); err != nil {
				t.Fatal(err)
			}
			_ = server.Wait()
			rates[streams] = report.End.Received.Rate / 1e6
		}
	})
	return rates
}

func newPairWithMTU(t *testing.T, mtu int) (a, b *member) {
	t.Helper()
	a, b = newPair(t, 2)
	for _, ends := range [][2]*member{{a, b}, {b, a}} {
		desired := ends[0].desired(ends[1], 2)
		desired["device"].(object)["mtu"] = mtu
		ends[0].agent.apply(desired)
	}
	return a, b
}

// newPlainPair is wireguard-go as it is packaged, set up with wg.
func newPlainPair(t *testing.T, mtu int) (a, b namespace) {
	t.Helper()
	needRoot(t)
	a, b = newNamespace(t, "c"), newNamespace(t, "d")
	wire(t, a, b, 2)
	members := []*member{{namespace: a, number: 1}, {namespace: b, number: 2}}
	for _, m := range members {
		m.private[1], m.device = byte(m.number), fmt.Sprintf("wg%d-%d", os.Getpid(), m.number)
	}
	for i, m := range members {
		other := members[1-i]
		program := exec.Command("ip", "netns", "exec", string(m.namespace), "wireguard-go", "-f", m.device)
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = program.Process.Signal(syscall.SIGTERM); _ = program.Wait() })
		until(t, "wireguard-go runs", func() bool { return exists("/var/run/wireguard/" + m.device + ".sock") })
		key := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(key, []byte(m.private.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		m.namespace.sh(t, "wg set %s private-key %s listen-port 41820 peer %s allowed-ips %s/32 endpoint 192.0.2.%d:41820",
			m.device, key, other.key(), other.address(), other.number)
		sh(t, "ip -n %s addr add %s/16 dev %s && ip -n %s link set dev %s mtu %d up",
			m.namespace, m.address(), m.device, m.namespace, m.device, mtu)
	}
	return a, b
}

func residentOf(t *testing.T, m *member) string {
	t.Helper()
	return strings.TrimSpace(sh(t, "grep VmHWM /proc/%d/status", m.helper.command.Process.Pid))
}
