// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

const idle = 25 * time.Second

var (
	start = time.Unix(1_700_000_000, 0)
	first = protocol.Path{ID: "first", Kind: protocol.KindDirect, Endpoint: netip.MustParseAddrPort("192.0.2.1:1")}
	other = protocol.Path{ID: "other", Kind: protocol.KindDirect, Endpoint: netip.MustParseAddrPort("192.0.2.2:1")}
)

// A story runs a prober under a clock of its own; answers come from the paths that are alive.
type story struct {
	t      *testing.T
	prober *Prober
	now    time.Time
	count  uint64
	alive  map[string]time.Duration
	due    []answer
	told   []string

	// sent is what WireGuard has sent over a path, and heard what the peer has heard there. Without an
	// entry the peer tells nothing.
	sent  map[string]Traffic
	heard map[string]Traffic
	twice string
	// deaf paths hear no packet that is carried.
	deaf map[string]bool
	// back is when the peer's packets last came over a path. Where something is carried and nothing is in
	// the way, something comes back at once; mute paths bring nothing.
	back map[string]time.Time
	mute map[string]bool
	// echoes and handshakes, if set, stand for what they make WireGuard send.
	echoes, handshakes func()
}

type answer struct {
	at          time.Time
	path        string
	transaction protocol.Transaction
}

func newStory(t *testing.T, paths ...protocol.Path) *story {
	s := &story{t: t, now: start, alive: map[string]time.Duration{}, sent: map[string]Traffic{}, heard: map[string]Traffic{}, deaf: map[string]bool{}, back: map[string]time.Time{}, mute: map[string]bool{}}
	s.prober = NewProber(func() (transaction protocol.Transaction) {
		s.count++
		binary.BigEndian.PutUint64(transaction[:], s.count)
		return transaction
	}, s)
	s.tell(s.prober.Want(paths, idle, s.now))
	return s
}

func (s *story) Sent(path string) Traffic      { return s.sent[path] }
func (s *story) HeardAt(path string) time.Time { return s.back[path] }

// run lets time pass, from deadline to deadline and from answer to answer.
func (s *story) run(duration time.Duration) {
	end := s.now.Add(duration)
	for {
		next := s.prober.NextDeadline()
		if len(s.due) > 0 && (next.IsZero() || s.due[0].at.Before(next)) {
			next = s.due[0].at
		}
		if next.IsZero() || next.After(end) {
			s.now = end
			return
		}
		if next.After(s.now) {
			s.now = next
		}
		for len(s.due) > 0 && !s.due[0].at.After(s.now) {
			due := s.due[0]
			s.due = s.due[1:]
			heard, told := s.heard[due.path]
			s.tell(s.prober.Answered(due.transaction, Report{heard, told}, s.now))
		}
		s.tell(s.prober.Advance(s.now))
		if deadline := s.prober.NextDeadline(); !deadline.IsZero() && !deadline.After(s.now) {
			s.t.Fatalf("at %v the prober is due again at once", s.now.Sub(start))
		}
	}
}

func (s *story) tell(actions []Action) {
	for _, action := range actions {
		text := ""
		switch action := action.(type) {
		case Ask:
			text = "ask " + action.Path
			if rtt, ok := s.alive[action.Path]; ok {
				s.due = append(s.due, answer{s.now.Add(rtt), action.Path, action.Transaction})
				slices.SortFunc(s.due, func(a, b answer) int { return a.at.Compare(b.at) })
			}
		case Echo:
			text = "echo"
			if s.echoes != nil {
				s.echoes()
			}
		case Handshake:
			text = "handshake"
			if s.handshakes != nil {
				s.handshakes()
			}
		case Rose:
			text = fmt.Sprintf("up %s %v", action.Path, action.Rtt)
		case Fell:
			text = "down " + action.Path
			if action.Reason == reasonNothing {
				text += ", carries nothing"
			}
		case Double:
			text = fmt.Sprintf("double %q", action.Path)
			s.twice = action.Path
		case Switch:
			text = fmt.Sprintf("switch %q to %q: %s, gap %v", action.From, action.To, action.Cause, action.Gap)
		}
		s.told = append(s.told, fmt.Sprintf("%v %s", s.now.Sub(start), text))
	}
}

// expect compares what was told since the last time.
func (s *story) expect(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("told:\n\t%s\nwant:\n\t%s", strings.Join(s.told, "\n\t"), strings.Join(want, "\n\t"))
	}
	s.told = nil
}

func TestANewPathIsAskedQuicklyAndThenEveryFiveSeconds(t *testing.T) {
	s := newStory(t, first)
	s.run(12 * time.Second)
	s.expect(
		`0s switch "" to "first": desired, gap 0s`,
		"0s ask first", "100ms ask first", "300ms ask first", "700ms ask first", "1.5s ask first",
		"6.5s ask first", "11.5s ask first",
	)
}

func TestTheFirstAnswerBringsAPathUpAndStartsTheSession(t *testing.T) {
	s := newStory(t, first)
	s.alive["first"] = 30 * time.Millisecond
	s.run(40 * time.Second)
	s.expect(
		`0s switch "" to "first": desired, gap 0s`,
		"0s ask first", "30ms up first 30ms", "30ms handshake", "30ms echo", "25s ask first",
	)
}

func TestAnAnswerLaterThanAnyTimeoutStillBringsAPathUp(t *testing.T) {
	s := newStory(t, first)
	s.alive["first"] = 900 * time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(20 * time.Second)
	if snapshot := s.prober.Snapshot()[0]; !snapshot.Up || snapshot.Rtt != 900*time.Millisecond {
		t.Errorf("got %+v", snapshot)
	}
}

func TestABusyPathIsAskedEverySecondInsideAndOutsideTheSession(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["first"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(10 * time.Second)
	s.told = nil
	s.prober.Observe(Flow, true, s.now)
	s.run(2500 * time.Millisecond)
	s.expect("10s ask first", "10s ask other", "10s echo", "11s ask first", "11s echo", "12s ask first", "12s echo")
}

func TestThreeMissesInARowBringThePathDownAndTheNextOneTakesOver(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["first"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(time.Second)
	s.prober.Observe(Flow, true, s.now)
	s.run(500 * time.Millisecond)
	delete(s.alive, "first")
	s.told = nil
	s.run(2700 * time.Millisecond)
	s.expect(
		"2s ask first", "2s echo",
		"2.5s ask first", "2.5s ask other", "2.7s ask first", "2.7s ask other", "2.9s ask first", "2.9s ask other",
		"3s echo", "3.1s ask first", "3.1s ask other",
		"3.2s down first",
		`3.2s switch "first" to "other": path-down, gap 2.199s`,
		"4s echo", "4.1s ask first", "4.1s ask other",
	)
}

func TestAPathThatComesBackIsUsedAgainIfItIsMoreWanted(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["other"] = time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(4 * time.Second)
	s.alive["first"] = time.Millisecond
	s.told = nil
	s.run(4 * time.Second)
	s.expect("6.5s ask first", "6.501s up first 1ms", `6.501s switch "other" to "first": path-up, gap 0s`)
}

func TestWhileNoPathIsUpTheFirstIsUsed(t *testing.T) {
	s := newStory(t, first, other)
	s.alive["other"] = time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(time.Second)
	delete(s.alive, "other")
	s.told = nil
	s.run(60 * time.Second)
	if s.prober.Active() != "first" {
		t.Errorf("active is %q", s.prober.Active())
	}
}

func TestPathsThatStayKeepWhatIsKnownOfThem(t *testing.T) {
	s := newStory(t, first)
	s.alive["first"], s.alive["other"] = time.Millisecond, time.Millisecond
	s.prober.Observe(Quiet, true, s.now)
	s.run(time.Second)
	s.told = nil
	s.tell(s.prober.Want([]protocol.Path{other, first}, idle, s.now))
	s.run(10 * time.Millisecond)
	s.expect("1s ask other", "1.001s up other 1ms", `1.001s switch "first" to "other": path-up, gap 0s`)
	s.tell(s.prober.Want([]protocol.Path{first}, idle, s.now))
	s.expect(`1.01s switch "other" to "first": desired, gap 0s`)
	s.tell(s.prober.Want(nil, idle, s.now))
	s.expect(`1.01s switch "first" to "": desired, gap 0s`)
}

func TestAPathWithANewEndpointIsANewPath(t *testing.T) {
	s := newStory(t, first)
	s.alive["first"] = time.Millisecond
	s.run(time.Second)
	moved := first
	moved.Endpoint = other.Endpoint
	s.prober.Want([]protocol.Path{moved}, idle, s.now)
	if snapshot := s.prober.Snapshot()[0]; snapshot.Up || snapshot.Rtt != 0 {
		t.Errorf("got %+v", snapshot)
	}
}

func TestAnAnswerToNobodyChangesNothing(t *testing.T) {
	s := newStory(t, first)
	s.told = nil
	s.tell(s.prober.Answered(protocol.Transaction{0xff}, Report{}, s.now))
	s.expect()
}

func TestLossIsCountedOverTheLastProbes(t *testing.T) {
	p := &path{}
	for range 30 {
		p.record(true)
	}
	for range 48 {
		p.record(false)
	}
	if got := p.lossPermille(); got != 250 {
		t.Errorf("got %d, want 16 of 64", got)
	}
}
