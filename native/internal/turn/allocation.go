// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// An Inbox takes what an allocation hears. It runs on the goroutine that receives, so it must not
// wait; the bytes are its own only until it returns.
type Inbox interface {
	// ReceiveRelayed takes a datagram that a peer has sent to the relayed address.
	ReceiveRelayed(datagram []byte, from netip.AddrPort, over *Allocation)
	// AllocationChanged takes the status whenever its state, cause or relayed address changes.
	AllocationChanged(over *Allocation, status Status)
}

// An Allocation is kept on one server until it is closed. It serves all peers.
type Allocation struct {
	server Server
	inbox  Inbox
	pace   pace
	peers  *peers
	cancel context.CancelFunc
	done   sync.WaitGroup

	// session is the one that carries datagrams, or nil.
	session atomic.Pointer[session]

	mutex  sync.Mutex
	status Status
}

// Open begins to allocate, and returns at once.
func Open(server Server, inbox Inbox) *Allocation { return open(server, inbox, defaultPace) }

func open(server Server, inbox Inbox, pace pace) *Allocation {
	ctx, cancel := context.WithCancel(context.Background())
	a := &Allocation{
		server: server, inbox: inbox, pace: pace, peers: newPeers(), cancel: cancel,
		status: Status{State: Connecting},
	}
	a.done.Go(func() { a.run(ctx) })
	return a
}

// Close gives the allocation back to the server. Nothing reaches the inbox afterwards.
func (a *Allocation) Close() {
	a.cancel()
	a.done.Wait()
}

// Status tells what is.
func (a *Allocation) Status() Status {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.status
}

// RelayedAddress is where peers find this host; invalid unless up.
func (a *Allocation) RelayedAddress() netip.AddrPort { return a.Status().Relayed }

// Keep gives up the paths to all peers but these, and lets in these addresses besides: a peer may
// send from any of their ports.
func (a *Allocation) Keep(wanted []netip.AddrPort, permitted []netip.Addr) {
	a.peers.keep(wanted, permitted)
}

// run makes one session after the other.
func (a *Allocation) run(ctx context.Context) {
	failures := 0
	for attempt := 0; ; attempt++ {
		cameUp, err := a.attempt(ctx, attempt)
		if ctx.Err() != nil {
			return
		}
		state := Failed
		if cameUp {
			state, failures = Connecting, 0
		}
		failures++
		cause := causeOf(err)
		a.change(func(status *Status) {
			*status = Status{State: state, Cause: cause, Detail: err.Error(), Server: status.Server}
		})
		timer := time.NewTimer(a.pace.wait(cause, failures, rand.Float64()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// attempt ends when the session does, and tells whether there was one.
func (a *Allocation) attempt(ctx context.Context, number int) (cameUp bool, err error) {
	over, server, err := dial(ctx, a.server, number)
	a.note(func(status *Status) { status.Server = server })
	if err != nil {
		return false, err
	}
	asker, err := newAsker(over, a.server, time.Now(), a.pace.answer)
	if err != nil {
		over.close()
		return false, err
	}
	var hearing sync.RWMutex
	heard := true
	s := &session{
		number: uint64(number) + 1, server: server, link: over, asker: asker, peers: a.peers, pace: a.pace,
	}
	s.deliver = func(datagram []byte, from netip.AddrPort) {
		hearing.RLock()
		defer hearing.RUnlock()
		if heard {
			a.inbox.ReceiveRelayed(datagram, from, a)
		}
	}
	defer func() {
		a.session.Store(nil)
		s.close()
		hearing.Lock()
		heard = false
		hearing.Unlock()
	}()
	lost, err := s.open(ctx)
	if err != nil {
		return false, err
	}
	a.session.Store(s)
	a.change(func(status *Status) { *status = Status{State: Up, Relayed: s.relayed, Server: server} })
	measured := func(rtt time.Duration) { a.note(func(status *Status) { status.Rtt = rtt }) }
	return true, s.keep(ctx, lost, measured)
}

// note changes what is not worth an event.
func (a *Allocation) note(set func(status *Status)) Status {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	set(&a.status)
	return a.status
}

func (a *Allocation) change(set func(status *Status)) {
	before := a.Status()
	after := a.note(set)
	if before.State != after.State || before.Cause != after.Cause || before.Relayed != after.Relayed {
		a.inbox.AllocationChanged(a, after)
	}
}
