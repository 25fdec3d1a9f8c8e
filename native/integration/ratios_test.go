// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rounds is how often each figure is taken; the median counts.
var rounds = func() int {
	number, _ := strconv.Atoi(cmp.Or(os.Getenv("MESHGATE_BENCH_ROUNDS"), "5"))
	return max(1, number)
}()

// A way is a tunnel to measure.
type way struct {
	name     string
	from, to namespace
	rates    []float64
}

func (w *way) megabits() float64 {
	slices.Sort(w.rates)
	return w.rates[len(w.rates)/2]
}

// TestTheFiguresOfOneGuest (scripts/bench kernel) takes all of them in turns, because only the ratios mean
// anything on a machine whose processor is simulated.
func TestTheFiguresOfOneGuest(t *testing.T) {
	bareA, bareB := newBarePair(t, 2)
	ways := []*way{{name: "bare kernel WireGuard", from: bareA.namespace, to: bareB.namespace}}
	for _, kind := range []string{"kernel", "userspace"} {
		a, b := newPairOn(t, kind, 2)
		ways = append(ways, &way{name: kind + ", direct", from: a.namespace, to: b.namespace})
		s := newStarOn(t, kind, kind, kind)
		ways = append(ways, &way{name: kind + ", over a hub", from: s.a.namespace, to: s.b.namespace})
		turn := newTurnSiteOn(t, kind)
		turn.meet(t, turn.udp())
		ways = append(ways, &way{name: kind + ", over TURN by UDP", from: turn.a.namespace, to: turn.b.namespace})
	}
	for _, w := range ways {
		until(t, w.name+": the tunnel is up", func() bool { return w.from.ping("10.7.0.2") })
		w.serve(t)
	}
	for range rounds {
		for _, w := range ways {
			w.measure(t)
		}
	}
	bare := ways[0].megabits()
	for _, w := range ways {
		t.Logf("%-28s %6.1f Mbit/s, %.2f of bare (%.1f to %.1f)", w.name, w.megabits(), w.megabits()/bare, w.rates[0], w.rates[len(w.rates)-1])
	}
	t.Logf("kernel engine against userspace: direct %.2f, over a hub %.2f, over TURN %.2f", ways[1].megabits()/ways[4].megabits(),
		ways[2].megabits()/ways[5].megabits(), ways[3].megabits()/ways[6].megabits())
}

func (w *way) serve(t *testing.T) {
	t.Helper()
	server := exec.Command("ip", "netns", "exec", string(w.to), "iperf3", "-s")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	until(t, "iperf3 listens", func() bool { return strings.Contains(w.to.sh(t, "ss -tlnH"), ":5201") })
}

func (w *way) measure(t *testing.T) {
	t.Helper()
	var report struct {
		End struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	text := w.from.sh(t, "iperf3 -J -c 10.7.0.2 -t 4 -O 1")
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	w.rates = append(w.rates, report.End.Received.Rate/1e6)
}

// TestTheGapsOfOneGuest (scripts/bench kernel) cuts the path in use in both directions while something is
// sent every 10 ms, and looks for the longest time between two answers.
func TestTheGapsOfOneGuest(t *testing.T) {
	for _, kind := range []string{"kernel", "userspace"} {
		a, b := newPairOn(t, kind, 2, 3)
		for _, id := range []string{"w2", "w3"} {
			a.awaitPath(t, b, id)
			b.awaitPath(t, a, id)
		}
		until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
		gaps := []float64{}
		for range rounds {
			until(t, "the first path is used, the other one is armed", func() bool {
				echo := a.agent.ask("echo", object{"peer": b.key()})
				return echo.Error == nil && echo.Result["path"] == "w2" && a.pathOf(t, b, "w3")["up"] == true
			})
			pings := a.namespace.background(t, "ping -D -i 0.01 -W 1 -w 8 %s", b.address())
			time.Sleep(3 * time.Second)
			for _, m := range []*member{a, b} {
				m.namespace.sh(t, "nft 'add table inet t; add chain inet t c { type filter hook prerouting priority -400; }; add rule inet t c iifname w2 drop'")
			}
			gaps = append(gaps, longestGap(t, pings()))
			for _, m := range []*member{a, b} {
				m.namespace.sh(t, "nft delete table inet t")
			}
		}
		slices.Sort(gaps)
		t.Logf("%s: %d cuts both ways, longest silence median %.0f ms (%.0f to %.0f)", kind, len(gaps), gaps[len(gaps)/2], gaps[0], gaps[len(gaps)-1])
	}
}

var answerAt = regexp.MustCompile(`(?m)^\[([0-9.]+)\] .*icmp_seq=`)

// longestGap is in ms.
func longestGap(t *testing.T, pings string) (longest float64) {
	t.Helper()
	var last float64
	for _, match := range answerAt.FindAllStringSubmatch(pings, -1) {
		at, err := strconv.ParseFloat(match[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if last > 0 {
			longest = max(longest, (at-last)*1000)
		}
		last = at
	}
	if last == 0 {
		t.Error(fmt.Sprintf("no answers: %s", pings))
	}
	return longest
}
