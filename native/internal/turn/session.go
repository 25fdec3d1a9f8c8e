// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

// wishesAtOnce bounds the requests for peers that are under way together.
const wishesAtOnce = 8

// A session is one allocation on the server: from its first request until it, or the way to the
// server, is lost.
type session struct {
	number  uint64
	server  netip.AddrPort
	link    link
	asker   *asker
	peers   *peers
	pace    pace
	deliver func(datagram []byte, from netip.AddrPort)

	relayed   netip.AddrPort
	lifetime  time.Duration
	malformed atomic.Uint64
}

// open allocates. Frames are received from then on, and lost tells why that has ended.
func (s *session) open(ctx context.Context) (lost <-chan error, err error) {
	ended := make(chan error, 1)
	go func() { ended <- s.link.receive(s.take, s.isBound) }()
	asked := make(chan error, 1)
	patient, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { asked <- s.allocate(patient) }()
	select {
	case err = <-asked:
	case err = <-ended:
	}
	if err != nil {
		return nil, s.explain(err)
	}
	return ended, nil
}

func (s *session) allocate(ctx context.Context) error {
	answer, err := s.asker.ask(ctx, stun.MethodAllocate, requestedTransport())
	if err != nil {
		return err
	}
	relayed, ok := readRelayed(answer)
	lifetime, hasLifetime := readLifetime(answer)
	if !ok || !hasLifetime || lifetime == 0 {
		return fail(Nonsense, "the server allocates, and does not say what")
	}
	s.relayed, s.lifetime = relayed, lifetime
	return nil
}

// keep serves the peers until the allocation is lost.
func (s *session) keep(ctx context.Context, lost <-chan error, measured func(time.Duration)) error {
	// The peers come first; one refresh soon after them measures the round trip.
	refreshAt := time.Now().Add(min(time.Second, s.pace.refreshWithin(s.lifetime)))
	for {
		now := time.Now()
		if !now.Before(refreshAt) {
			if err := s.refresh(ctx, measured); err != nil {
				return s.explain(err)
			}
			refreshAt = now.Add(s.pace.refreshWithin(s.lifetime))
		}
		wishes, next := s.peers.due(s.number, now, s.pace, wishesAtOnce)
		s.grant(ctx, wishes)
		if next.IsZero() || next.After(refreshAt) {
			next = refreshAt
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
		case err := <-lost:
			timer.Stop()
			return s.explain(err)
		case <-timer.C:
		case <-s.peers.changed:
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (s *session) refresh(ctx context.Context, measured func(time.Duration)) error {
	began := time.Now()
	answer, err := s.asker.ask(ctx, stun.MethodRefresh)
	if err != nil {
		return err
	}
	measured(time.Since(began))
	if lifetime, ok := readLifetime(answer); ok && lifetime > 0 {
		s.lifetime = lifetime
	}
	return nil
}

// grant asks for peers. That one of them is refused says nothing about the others.
func (s *session) grant(ctx context.Context, wishes []wish) {
	var asking sync.WaitGroup
	for _, wish := range wishes {
		asking.Go(func() {
			_, err := s.asker.ask(ctx, wish.method, wish.attributes...)
			wish.settle(s.number, time.Now(), err)
		})
	}
	asking.Wait()
}

// take sorts what comes from the server. It runs for each packet.
func (s *session) take(frame []byte) {
	if isChannelData(frame) {
		number, datagram, ok := readChannelData(frame)
		if !ok {
			s.malformed.Add(1)
		} else if known := s.peers.channels.of(number); known != nil {
			s.deliver(datagram, known.peer)
		}
		return
	}
	if isDataIndication(frame) {
		from, datagram, ok := readDataIndication(frame)
		if !ok {
			s.malformed.Add(1)
			return
		}
		s.deliver(datagram, from)
		return
	}
	if handled, err := s.asker.client.HandleInbound(frame, nil); !handled || err != nil {
		s.malformed.Add(1)
	}
}

func (s *session) isBound(number uint16) bool { return s.peers.channels.of(number) != nil }

// explain tells silence from a server that speaks, but not TURN.
func (s *session) explain(err error) error {
	if causeOf(err) == ServerSilent && s.malformed.Load() > 0 {
		return fail(Nonsense, "what comes from the server is not TURN")
	}
	return err
}

// sendTo is for what goes to a peer only now and then: 36 bytes and a message of its own.
func (s *session) sendTo(datagram []byte, peer netip.AddrPort) error {
	message, err := stun.Build(
		stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		peerAddress(peer), stun.RawAttribute{Type: stun.AttrData, Value: datagram},
	)
	if err != nil {
		return err
	}
	return s.link.message(message.Raw)
}

// close gives the allocation back if there is still a server to give it to.
func (s *session) close() {
	if s.relayed.IsValid() {
		s.asker.release(s.link)
	}
	s.asker.client.Close()
	s.link.close()
}
