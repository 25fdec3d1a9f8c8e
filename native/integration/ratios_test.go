// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
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
	name  string
	start func(t *testing.T) (from, to *member)
}

func ways() (all []way) {
	all = append(all, way{"bare, with two empty chains of nftables", func(t *testing.T) (a, b *member) {
		a, b = newBarePair(t, 2)
		for _, m := range []*member{a, b} {
			// Where the rules that share the port have theirs: no rules can cost less.
			m.namespace.sh(t, "nft 'table inet e { chain out { type filter hook output priority raw; }; chain in { type filter hook input priority 250; }; }'")
		}
		return a, b
	}})
	for _, kind := range []string{"kernel", "userspace"} {
		pair := func(t *testing.T) (a, b *member) {
			a, b = newPairOn(t, kind, 2)
			until(t, "the tunnel is up", func() bool { return a.namespace.ping(b.address()) })
			return a, b
		}
		all = append(all, way{kind + ", direct", pair})
		if kind == "kernel" {
			all = append(all, way{kind + ", direct, its helpers killed", func(t *testing.T) (a, b *member) {
				a, b = pair(t)
				until(t, "the kernel sends straight", func() bool {
					return strings.Contains(a.shown(t, "endpoints")+b.shown(t, "endpoints"), "192.0.2.2:41820") &&
						!strings.Contains(a.shown(t, "endpoints")+b.shown(t, "endpoints"), "127.64.")
				})
				a.helper.kill()
				b.helper.kill()
				return a, b
			}})
		}
		all = append(all, way{kind + ", over a hub", func(t *testing.T) (a, b *member) {
			s := newStarOn(t, kind, kind, kind)
			return s.a, s.b
		}}, way{kind + ", over TURN by UDP", func(t *testing.T) (a, b *member) {
			s := newTurnSiteOn(t, kind)
			s.meet(t, s.udp())
			return s.a, s.b
		}})
	}
	return all
}

// TestTheFiguresOfOneGuest (scripts/bench kernel) measures each in turns with the kernel's bare WireGuard beside
// it, because only such ratios mean anything on a machine whose processor is simulated. What else the machine
// does touches both halves of a round alike, so the ratio that counts is the median of the rounds' own.
func TestTheFiguresOfOneGuest(t *testing.T) {
	results := []result{}
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			found := compare(t, w)
			t.Log(found.row(0))
			results = append(results, found)
		})
	}
	userspace := 0.
	for _, found := range results {
		if found.name == "userspace, direct" {
			userspace = found.ratio
		}
	}
	table := "\n| tunnel | to bare WireGuard | to userspace, direct | Mbit/s | processor of its helpers | there and back, to bare WireGuard |\n|---|---|---|---|---|---|\n"
	for _, found := range results {
		table += found.row(userspace)
	}
	t.Log(table)
}

// A result is of one way: its ratio to the kernel's bare WireGuard, and between what it lies by these rounds.
type result struct {
	name               string
	ratio, least, most float64
	rate, busy         float64
	// roundTrip is that of bare WireGuard divided by ours: what a packet by itself costs, which a slow stream hides.
	roundTrip float64
}

func (r result) row(userspace float64) string {
	compared := "-"
	if userspace > 0 {
		compared = fmt.Sprintf("%.1f", r.ratio/userspace)
	}
	return fmt.Sprintf("| %s | %.2f (%.2f to %.2f) | %s | %.1f | %.2f | %.3f |\n", r.name, r.ratio, r.least, r.most, compared, r.rate, r.busy, r.roundTrip)
}

func compare(t *testing.T, w way) result {
	t.Helper()
	bareA, bareB := newBarePair(t, 2)
	bare := &course{from: bareA, to: bareB}
	from, to := w.start(t)
	ours := &course{from: from, to: to}
	for _, c := range []*course{bare, ours} {
		until(t, "the tunnel is up", func() bool { return c.from.namespace.ping("10.7.0.2") })
		c.serve(t)
	}
	ratios := []float64{}
	for range rounds {
		// In this order what becomes of the machine during a round, little by little, touches both alike.
		for _, c := range []*course{bare, ours, ours, bare} {
			c.measure(t)
		}
		ratios = append(ratios, ours.lately()/bare.lately())
	}
	least, most := medianBetween(ratios)
	roundTrip := (bare.roundTrip(t) + bare.roundTrip(t)) / (ours.roundTrip(t) + ours.roundTrip(t))
	return result{w.name, median(ratios), least, most, median(ours.rates), median(ours.busy), roundTrip}
}

// A course is one tunnel, how fast it was, and how much of a processor its helpers took meanwhile.
type course struct {
	from, to    *member
	rates, busy []float64
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

// medianBetween is where the true median lies in 95 of 100 cases, however the figures are spread: how many of them lie
// below it is as how many of so many coins show heads. Fewer than six figures tell no more than the lowest and the highest.
func medianBetween(figures []float64) (least, most float64) {
	sorted, count := slices.Sorted(slices.Values(figures)), len(figures)
	rank, share, rest := 0, math.Pow(0.5, float64(count)), 0.025
	for ; rest >= share && rank < count/2; rank++ {
		rest -= share
		share *= float64(count-rank) / float64(rank+1)
	}
	outside := max(0, rank-1)
	return sorted[outside], sorted[count-1-outside]
}

// lately is the sum of a round's two.
func (c *course) lately() float64 { return c.rates[len(c.rates)-2] + c.rates[len(c.rates)-1] }

func (c *course) serve(t *testing.T) {
	t.Helper()
	server := exec.Command("ip", "netns", "exec", string(c.to.namespace), "iperf3", "-s")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	until(t, "iperf3 listens", func() bool { return strings.Contains(c.to.namespace.sh(t, "ss -tlnH"), ":5201") })
}

func (c *course) measure(t *testing.T) {
	t.Helper()
	var report struct {
		End struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	used, began := c.processorTime(t), time.Now()
	text := c.from.namespace.sh(t, "iperf3 -J -c 10.7.0.2 -t 2 -O 1")
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	c.rates = append(c.rates, report.End.Received.Rate/1e6)
	c.busy = append(c.busy, (c.processorTime(t)-used).Seconds()/time.Since(began).Seconds())
}

// roundTrip is the mean of so many that none is in flight beside another, in ms. Counted (scripts/kernel-vm -i), two of
// them differ by less than one in a hundred.
func (c *course) roundTrip(t *testing.T) float64 {
	t.Helper()
	report := c.from.namespace.sh(t, "ping -q -f -c 1000 -s 1200 10.7.0.2")
	match := meanRoundTrip.FindStringSubmatch(report)
	if match == nil {
		t.Fatalf("no round trip: %s", report)
	}
	mean, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return mean
}

var meanRoundTrip = regexp.MustCompile(`rtt min/avg/max/mdev = [0-9.]+/([0-9.]+)/`)

// processorTime is that of the helpers at both ends so far, as the kernel counts it: in hundredths of a second.
func (c *course) processorTime(t *testing.T) (sum time.Duration) {
	t.Helper()
	for _, m := range []*member{c.from, c.to} {
		if m.helper == nil || m.helper.command.ProcessState != nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.helper.command.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(after)
		for _, field := range fields[11:13] {
			ticks, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
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
				m.namespace.loses(t, "w2")
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
