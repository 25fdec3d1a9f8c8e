// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

// Traffic is how many packets of WireGuard went over a path: those of sessions, and all others.
type Traffic struct{ Transport, Handshakes uint32 }

// A Report is what the peer has heard over a path. Told is false if it did not say.
type Report struct {
	Traffic
	Told bool
}

// Carries is whether WireGuard's packets arrive over a path.
type Carries int

// What is known of that.
const (
	CarriesUnknown Carries = iota
	CarriesNothing
	CarriesTraffic
)

// A ledger compares what was sent with what was heard, of one kind of packet. Both only count up.
type ledger struct {
	known bool
	heard uint32
	// sent is what had been sent when the peer last heard something new.
	sent uint32
}

// learn takes what the peer has heard by the answer to a question, and what had been sent when that
// was asked. Owed are those sent since its last news, and before the question, that it has not heard.
func (l *ledger) learn(sent, heard uint32) (grew bool, owed uint32) {
	if !l.known || int32(heard-l.heard) < 0 {
		// The first report, or the first after the peer began to count anew.
		*l = ledger{known: true, heard: heard, sent: sent}
		return false, 0
	}
	if heard == l.heard {
		return false, sent - l.sent
	}
	// What comes late, or twice, makes up for others.
	owed = uint32(max(0, int32(sent-l.sent)-int32(heard-l.heard)))
	l.heard, l.sent = heard, sent
	return true, owed
}

// A proof is what is known of a path's carrying WireGuard. Probes alone do not prove that.
type proof struct {
	told       bool
	transport  ledger
	handshakes ledger

	carries Carries
	// heardAt is when the peer last told that it heard packets of the session.
	heardAt time.Time
	// carriedSince is when the path began to carry, since it last carried nothing.
	carriedSince time.Time
	// doubts are the answers in a row by which the peer owed us something.
	doubts int
	// suspect paths lose packets, or have just begun to carry nothing: the next answer will tell.
	suspect bool
}

// begin leaves out what was sent before now: the path is on trial from here on.
func (p *proof) begin(sent Traffic) {
	p.transport.sent, p.handshakes.sent = sent.Transport, sent.Handshakes
	p.doubts = 0
}

// learn tells whether the peer has heard something of the session.
func (p *proof) learn(sent Traffic, report Report, now time.Time) (heard bool) {
	if !report.Told {
		return false
	}
	p.told = true
	heard, owed := p.transport.learn(sent.Transport, report.Transport)
	greeted, ungreeted := p.handshakes.learn(sent.Handshakes, report.Handshakes)
	switch {
	case heard:
		p.doubts, p.heardAt, p.suspect = 0, now, owed >= suspectMin
		if p.carries != CarriesTraffic {
			p.carries, p.carriedSince = CarriesTraffic, now
		}
	case greeted && owed == 0:
		p.doubts = 0
	case owed+ungreeted > 0:
		p.doubts++
	}
	return heard
}

// isSilent tells that the path answers, and carries nothing.
func (p *proof) isSilent() bool { return p.doubts >= doubtsMax }

// nothing notes that, and tells for how long the path should be left alone.
func (p *proof) nothing(before time.Duration, now time.Time) time.Duration {
	wasGood := p.carries == CarriesTraffic && now.Sub(p.carriedSince) >= holdMax
	p.carries, p.doubts = CarriesNothing, 0
	if before == 0 || wasGood {
		return holdStart
	}
	return min(2*before, holdMax)
}
