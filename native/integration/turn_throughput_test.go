// SPDX-License-Identifier: Apache-2.0

//go:build throughput

package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestWhatATransferOverTURNReachesOfADirectOne(t *testing.T) {
	s := newTurnSite(t)
	wire(t, s.a.namespace, s.b.namespace, 30)
	star := star{a: s.a, b: s.b}
	server := s.b.namespace.background(t, "iperf3 -s")
	defer func() {
		sh(t, "ip netns pids %s | xargs -r ps -o pid=,comm= -p | awk '$2 == \"iperf3\" {print $1}' | xargs -r kill", s.b.namespace)
		server()
	}()
	use := func(id string) {
		until(t, id+" is used", func() bool {
			echo := s.a.agent.ask("echo", object{"peer": s.b.key(), "timeoutMs": 500})
			return echo.Error == nil && echo.Result["path"] == id
		})
	}
	straight := func() {
		toB, toA := direct(end(30, 2)), direct(end(30, 1))
		s.a.agent.apply(s.a.documentWith(nil, s.b.peer(toB)))
		s.b.agent.apply(s.b.documentWith(nil, s.a.peer(toA)))
		use("direct:" + end(30, 2))
	}
	tcp := s.udp()
	tcp["url"] = "turn:" + turnHost + "?transport=tcp"
	servers := map[string]object{"udp": s.udp(), "tcp": tcp, "tls": s.tls()}
	var base float64
	sums := map[string]float64{}
	for range 2 {
		straight()
		base += star.megabits(t)
		for _, transport := range []string{"udp", "tcp", "tls"} {
			s.a.agent.forget()
			s.b.agent.forget()
			s.meet(t, servers[transport])
			use("turn:site")
			sums[transport] += star.megabits(t)
			t.Logf("%s: %s", transport, s.a.resident(t))
			straight()
		}
	}
	for transport, sum := range sums {
		t.Logf("direct %.0f Mbit/s, over TURN by %s %.0f Mbit/s, ratio %.2f", base/2, transport, sum/2, sum/base)
	}
}

// resident is what the helper has in memory.
func (m *member) resident(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.helper.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "VmRSS") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
