// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// A world is two hosts with the same paths between them, under a clock and a randomness of its own.
type world struct {
	t      *testing.T
	random *rand.Rand
	now    time.Time
	events events
	count  uint64
	ends   [2]*host
	lines  map[string]*[2]line
	// slow worlds look at what is due but seldom, as hours go by.
	slow bool
	// log is for a test that fails.
	log []string
}

// A line is one direction of one path.
type line struct {
	delay, jitter time.Duration
	lossPercent   int
	// dead carries nothing; deaf lines carry probes and drop WireGuard.
	dead, deaf bool
	// filter is for how long the NAT at the far end lets in what comes, since something left over the path; zero is always.
	filter time.Duration
	leftAt time.Time
}

type host struct {
	world  *world
	side   int
	prober *Prober
	second string
	sent   map[string]Traffic
	// arrivals are the peer's packets.
	arrivals map[string]*arrived
	got      []time.Time
	seen     map[uint64]bool
	switches int
	// asks are when it asked over each path.
	asks map[string][]time.Time
}

type arrived struct {
	traffic Traffic
	at      time.Time
	number  uint8
}

type event struct {
	at    time.Time
	order uint64
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newWorld(t *testing.T, seed uint64, lines map[string]line, order ...string) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), now: start, lines: map[string]*[2]line{}}
	wanted := []protocol.Path{}
	for _, id := range order {
		w.lines[id] = &[2]line{lines[id], lines[id]}
		wanted = append(wanted, protocol.Path{ID: id, Kind: protocol.KindDirect, Endpoint: first.Endpoint})
	}
	for side := range w.ends {
		h := &host{
			world: w, side: side, sent: map[string]Traffic{}, arrivals: map[string]*arrived{}, seen: map[uint64]bool{},
			asks: map[string][]time.Time{},
		}
		for _, id := range order {
			h.arrivals[id] = &arrived{}
		}
		h.prober = NewProber(w.transaction, h)
		w.ends[side] = h
	}
	for _, h := range w.ends {
		h.do(h.prober.Want(wanted, idle, w.now))
		h.prober.Observe(Flow, true, w.now)
		w.tick(h)
	}
	return w
}

func (w *world) transaction() (transaction protocol.Transaction) {
	w.count++
	binary.BigEndian.PutUint64(transaction[:], w.count)
	transaction[len(transaction)-1] = byte(w.count * 0x9e3779b97f4a7c15 >> 56)
	return transaction
}

func (w *world) after(wait time.Duration, do func()) {
	w.count++
	heap.Push(&w.events, event{w.now.Add(wait), w.count, do})
}

func (w *world) run(duration time.Duration) {
	end := w.now.Add(duration)
	for len(w.events) > 0 && !w.events[0].at.After(end) {
		next := heap.Pop(&w.events).(event)
		w.now = next.at
		next.do()
	}
	w.now = end
}

// tick keeps a prober going, with the coarse timer of a busy machine.
func (w *world) tick(h *host) {
	if due := h.prober.NextDeadline(); !due.IsZero() && !due.After(w.now) {
		h.do(h.prober.Advance(w.now))
	}
	wait := time.Millisecond + time.Duration(w.random.IntN(4))*time.Millisecond
	if w.slow {
		wait *= 100
	}
	w.after(wait, func() { w.tick(h) })
}

// carry takes something over one direction of a path, if it gets through.
func (w *world) carry(id string, side int, wireguard bool, arrive func()) {
	l, back := &w.lines[id][side], &w.lines[id][1-side]
	l.leftAt = w.now
	if l.dead || wireguard && l.deaf || w.random.IntN(100) < l.lossPercent {
		return
	}
	delay := l.delay
	if l.jitter > 0 {
		delay += time.Duration(w.random.Int64N(int64(l.jitter)))
	}
	w.after(delay, func() {
		if l.filter == 0 || !back.leftAt.IsZero() && w.now.Sub(back.leftAt) <= l.filter {
			back.leftAt = w.now
			arrive()
		}
	})
}

func (h *host) peer() *host { return h.world.ends[1-h.side] }

func (h *host) Sent(path string) Traffic      { return h.sent[path] }
func (h *host) HeardAt(path string) time.Time { return h.arrivals[path].at }

// send is a packet of the session: over what is active, and what it is doubled onto.
func (h *host) send(arrive func()) {
	for _, id := range []string{h.prober.Active(), h.second} {
		if id == "" {
			continue
		}
		h.sent[id] = Traffic{h.sent[id].Transport + 1, 0}
		h.world.carry(id, h.side, true, func() {
			arrival := h.peer().arrivals[id]
			arrival.traffic.Transport++
			arrival.at = h.world.now
			arrive()
		})
	}
}

// stream sends a packet each pace, for as long as the world runs.
func (h *host) stream(pace time.Duration) {
	h.world.count++
	id := h.world.count
	h.send(func() {
		if peer := h.peer(); !peer.seen[id] {
			peer.seen[id] = true
			peer.got = append(peer.got, h.world.now)
		}
	})
	h.world.after(pace, func() { h.stream(pace) })
}

// ask sends a question each pace. The peer answers each that arrives, and sends nothing else: only answers are noted.
func (h *host) ask(pace time.Duration) {
	h.world.count++
	id := h.world.count
	h.send(func() {
		peer := h.peer()
		if peer.seen[id] {
			return
		}
		peer.seen[id] = true
		peer.send(func() {
			if !h.seen[id] {
				h.seen[id] = true
				h.got = append(h.got, h.world.now)
			}
		})
	})
	h.world.after(pace, func() { h.ask(pace) })
}

type told struct {
	number uint8
	report Report
	silent time.Duration
}

func (h *host) reports() (all []told) {
	for _, arrival := range h.arrivals {
		if arrival.number != 0 {
			silent := time.Hour
			if !arrival.at.IsZero() {
				silent = h.world.now.Sub(arrival.at)
			}
			all = append(all, told{arrival.number, Report{arrival.traffic, true}, silent})
		}
	}
	return all
}

func (h *host) hear(all []told) {
	for _, one := range all {
		h.do(h.prober.Told(one.number, one.report, one.silent, h.world.now))
	}
}

func (h *host) do(actions []Action) {
	w := h.world
	for _, action := range actions {
		switch action := action.(type) {
		case Ask:
			h.asks[action.Path] = append(h.asks[action.Path], w.now)
			heard, reports := Report{h.arrivals[action.Path].traffic, true}, h.reports()
			w.carry(action.Path, h.side, false, func() {
				h.peer().asked(action, heard, reports)
			})
		case Echo:
			h.send(func() { h.peer().send(func() {}) })
		case Double:
			h.second = action.Path
			w.note("%d double %q", h.side, action.Path)
		case Fell:
			w.note("%d down %s (%s)", h.side, action.Path, action.Reason)
		case Rose:
			w.note("%d up %s", h.side, action.Path)
		case Switch:
			h.switches++
			if from := h.prober.find(action.From); action.Cause == CauseDown && from != nil && from.phase == up {
				w.t.Errorf("%d left %q, which is up, because it went down\n%s", h.side, action.From, strings.Join(w.log, "\n"))
			}
			w.note("%d from %q to %q, %s, gap %v", h.side, action.From, action.To, action.Cause, action.Gap)
		}
	}
}

func (h *host) asked(ask Ask, heard Report, reports []told) {
	w := h.world
	h.arrivals[ask.Path].number = ask.Number
	h.do(h.prober.Heard(ask.Path, heard, w.now))
	h.hear(reports)
	answer, mine := Report{h.arrivals[ask.Path].traffic, true}, h.reports()
	w.carry(ask.Path, h.side, false, func() {
		h.peer().do(h.peer().prober.Answered(ask.Transaction, answer, w.now))
		h.peer().hear(mine)
	})
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8.3f ", w.now.Sub(start).Seconds())+fmt.Sprintf(format, args...))
}

// gap is the longest time without a new packet for a host in a span.
func (h *host) gap(from, to time.Time) (longest time.Duration) {
	last := from
	for _, at := range h.got {
		if at.Before(from) || at.After(to) {
			continue
		}
		longest = max(longest, at.Sub(last))
		last = at
	}
	return max(longest, to.Sub(last))
}
