// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"net/netip"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
)

// freshTime is how old a count may be: a burst of probes asks for it once.
const freshTime = 5 * time.Millisecond

// Tally counts what has passed the kernel alone, as if it had passed the port.
func (d *Device) Tally(key protocol.Key) {
	p := d.peer(key)
	if p == nil {
		return
	}
	p.tallying.Lock()
	fresh := time.Since(p.talliedAt) < freshTime
	p.tallying.Unlock()
	if !fresh {
		p.tally(d, *p.told.Load())
	}
}

func (p *peer) tally(d *Device, told netip.AddrPort) {
	p.tallying.Lock()
	defer p.tallying.Unlock()
	if told == p.crossing {
		return
	}
	p.talliedAt = time.Now()
	in, out, err := d.share.Tally(told)
	if err != nil {
		return
	}
	heard, sent := since(p.seen.in, in), since(p.seen.out, out)
	p.seen.in, p.seen.out = in, out
	if heard != (bind.Sent{}) {
		d.port.Hosts.Heard(told, heard.Transport, heard.Handshakes)
	}
	if sent.Handshakes > 0 {
		p.initiatedAt.Note()
	}
	if p.straight != nil {
		p.straight.Add(sent)
	}
}

// since is what was counted since an earlier reading. Whoever flushes the rules begins the count anew.
func since(before, now bind.Sent) bind.Sent {
	if int32(now.Transport-before.Transport) < 0 || int32(now.Handshakes-before.Handshakes) < 0 {
		return now
	}
	return bind.Sent{Transport: now.Transport - before.Transport, Handshakes: now.Handshakes - before.Handshakes}
}

// changeStraight closes the books of the path that is left.
func (p *peer) changeStraight(d *Device, left netip.AddrPort, next bind.Straight) {
	p.tally(d, left)
	p.tallying.Lock()
	defer p.tallying.Unlock()
	if next == nil || next.Endpoint() != left {
		p.seen.in, p.seen.out = bind.Sent{}, bind.Sent{}
	}
	p.straight = next
}
