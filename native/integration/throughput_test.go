// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"flag"
	"testing"
)

// What a machine carries is no matter of right and wrong, so this runs only when it is asked for.
var throughput = flag.Bool("throughput", false, "measure with iperf3 what a hub costs")

// share is what a relayed transfer should reach of a direct one. There is a third process on the way.
const share = 0.5

func TestARelayedTransferReachesHalfOfADirectOne(t *testing.T) {
	if !*throughput {
		t.Skip("run with -throughput")
	}
	s := newStar(t, 1)
	wire(t, s.a.namespace, s.b.namespace, 30)
	use := func(toB, toA object) {
		hub := s.hubs[0]
		s.a.agent.apply(s.a.document(false, s.b.peer(toB), hub.peer(direct(end(10, 2)))))
		s.b.agent.apply(s.b.document(false, s.a.peer(toA), hub.peer(direct(end(20, 2)))))
		until(t, "the path is used", func() bool {
			echo := s.a.agent.ask("echo", object{"peer": s.b.key(), "timeoutMs": 500})
			return echo.Error == nil && echo.Result["path"] == toB["id"]
		})
	}
	overHub := func() { use(over("1", s.hubs[0]), over("1", s.hubs[0])) }
	straight := func() { use(direct(end(30, 2)), direct(end(30, 1))) }

	server := s.b.namespace.background(t, "iperf3 -s")
	defer func() {
		sh(t, "ip netns pids %s | xargs -r ps -o pid=,comm= -p | awk '$2 == \"iperf3\" {print $1}' | xargs -r kill", s.b.namespace)
		server()
	}()
	var direct, relayed float64
	for range 3 {
		straight()
		direct += s.megabits(t)
		overHub()
		relayed += s.megabits(t)
	}
	counted := s.hubs[0].agent.call("state", object{})["relayed"]
	t.Logf("direct %.0f Mbit/s, relayed %.0f Mbit/s, ratio %.2f; the hub: %v", direct/3, relayed/3, relayed/direct, counted)
	if relayed < share*direct {
		t.Errorf("less than %.2f of direct", share)
	}
}

func (s star) megabits(t *testing.T) float64 {
	t.Helper()
	report := struct {
		End struct {
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}{}
	text := s.a.namespace.sh(t, "iperf3 -J -t 4 -O 1 -c %s", s.b.address())
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return report.End.Received.BitsPerSecond / 1e6
}
