// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/echo"
	"meshgate.dev/native/internal/protocol"
)

// An echoWait is an in-session echo without its reply yet. replied is nil if nobody waits for it.
type echoWait struct {
	peer    *peer
	sentAt  time.Time
	replied chan time.Duration
}

// echoTime is how long an echo of the prober's own waits for its reply.
const echoTime = 10 * time.Second

// echoOnce prepares an echo of the prober's own. The mutex is held.
func (e *Engine) echoOnce(p *peer) errand {
	if len(e.echoes) >= echoesMax {
		return nil
	}
	id, to := e.expectEcho(&echoWait{peer: p}), p.spec.EchoAddress
	return func() { _ = e.sendEcho(to, id, protocol.EchoSizeBytesDefault) }
}

// expectEcho has the mutex held.
func (e *Engine) expectEcho(wait *echoWait) uint64 {
	var random [8]byte
	_, _ = rand.Read(random[:])
	id := binary.BigEndian.Uint64(random[:])
	wait.sentAt = time.Now()
	e.echoes[id] = wait
	return id
}

var errNoDevice = errors.New("there is no device")

func (e *Engine) sendEcho(to netip.Addr, id uint64, size int) error {
	e.mutex.Lock()
	sockets := e.echoSockets
	e.mutex.Unlock()
	if sockets == nil {
		return errNoDevice
	}
	return sockets.Send(to, id, size)
}

// forgetEchoes drops those of the prober's own that were not replied to.
func (e *Engine) forgetEchoes(now time.Time) {
	for id, wait := range e.echoes {
		if wait.replied == nil && now.Sub(wait.sentAt) >= echoTime {
			delete(e.echoes, id)
		}
	}
}

// EchoReplied takes a reply; it counts only if it comes from the peer that was asked.
func (e *Engine) EchoReplied(from netip.Addr, id uint64) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	wait := e.echoes[id]
	if wait == nil {
		return
	}
	if from, _ := e.owners.of(from); from != wait.peer {
		return
	}
	delete(e.echoes, id)
	now := time.Now()
	rtt := now.Sub(wait.sentAt)
	wait.peer.prober.Echoed(rtt, now)
	if wait.replied != nil {
		wait.replied <- rtt
	}
}

// EchoCarried keeps echoes from counting as traffic.
func (e *Engine) EchoCarried(address netip.Addr, bytes uint64) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if p, _ := e.owners.of(address); p != nil {
		p.echoBytes += bytes
	}
}

// Echo measures one round trip, on behalf of the agent.
func (e *Engine) Echo(params protocol.EchoParams) (protocol.Echoed, *protocol.Fault) {
	e.mutex.Lock()
	p := e.peers[params.Peer]
	if p == nil || p.prober.Active() == "" {
		e.mutex.Unlock()
		return protocol.Echoed{}, noSuchPeer(params.Peer)
	}
	result := protocol.Echoed{Path: p.prober.Active(), Endpoint: endpointOrNull(p.endpoint.Active())}
	if result.Endpoint == nil && !e.isOverChannel(p) {
		e.mutex.Unlock()
		return result, protocol.Faultf(protocol.CodeNoSuchPeer, "%s: the hub cannot be reached", result.Path)
	}
	replied := make(chan time.Duration, 1)
	id := e.expectEcho(&echoWait{peer: p, replied: replied})
	to := p.spec.EchoAddress
	e.mutex.Unlock()
	defer func() {
		e.mutex.Lock()
		delete(e.echoes, id)
		e.mutex.Unlock()
	}()

	if err := e.sendEcho(to, id, params.SizeBytes); err != nil {
		if errors.Is(err, unix.EMSGSIZE) {
			return result, protocol.SystemFault(protocol.ReasonSystem, "ask for less than the device's MTU",
				"an echo of %d bytes does not fit the device", params.SizeBytes)
		}
		return result, protocol.SystemFault(protocol.ReasonSystem, "give the device an address of the peer's family",
			"the echo cannot be sent: %v", err)
	}
	timer := time.NewTimer(params.Timeout)
	defer timer.Stop()
	select {
	case rtt := <-replied:
		result.RttUs = rtt.Microseconds()
		return result, nil
	case <-timer.C:
		return result, protocol.Faultf(protocol.CodeNoReply, "no reply within %s over %s", params.Timeout, result.Path)
	}
}

func noSuchPeer(key protocol.Key) *protocol.Fault {
	return protocol.Faultf(protocol.CodeNoSuchPeer, "there is no peer %s, or it has no path", key)
}

// openEcho replaces the sockets. The mutex is not held: closing waits for readers that need it.
func (e *Engine) openEcho(name string, addresses []netip.Prefix, ipv6 bool) error {
	e.closeEcho()
	hosts := make([]netip.Addr, 0, len(addresses))
	for _, prefix := range addresses {
		if ipv6 || prefix.Addr().Is4() {
			hosts = append(hosts, prefix.Addr())
		}
	}
	sockets, err := echo.Open(name, hosts, e)
	if err != nil {
		return err
	}
	e.mutex.Lock()
	e.echoSockets = sockets
	e.mutex.Unlock()
	return e.openLate(name, hosts)
}

func (e *Engine) closeEcho() {
	e.mutex.Lock()
	sockets := e.echoSockets
	e.echoSockets = nil
	e.mutex.Unlock()
	if sockets != nil {
		_ = sockets.Close()
	}
}
