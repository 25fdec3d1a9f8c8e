// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// A listener is an inbox that remembers.
type listener struct {
	mutex    sync.Mutex
	heard    []string
	from     []netip.AddrPort
	statuses []Status
}

func (l *listener) ReceiveRelayed(datagram []byte, from netip.AddrPort, _ *Allocation) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.heard = append(l.heard, string(datagram))
	l.from = append(l.from, from)
}

func (l *listener) AllocationChanged(_ *Allocation, status Status) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.statuses = append(l.statuses, status)
}

func (l *listener) hears(text string) func() bool {
	return func() bool {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		return slices.Contains(l.heard, text)
	}
}

func (l *listener) was(state State, cause Cause) func() bool {
	return func() bool {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		return slices.ContainsFunc(l.statuses, func(status Status) bool {
			return status.State == state && status.Cause == cause
		})
	}
}

// until waits for a condition, not for a time.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// quick is a pace for tests: nothing in it is long, but it is never busy.
var quick = pace{
	retry: 20 * time.Millisecond, retryMax: 100 * time.Millisecond,
	lasting: time.Minute, lastingMax: time.Minute,
	refresh: 200 * time.Millisecond, renew: 300 * time.Millisecond, again: 50 * time.Millisecond,
	answer: time.Second,
}

func openTest(t testing.TB, server Server) (*Allocation, *listener) {
	t.Helper()
	inbox := &listener{}
	allocation := open(server, inbox, quick)
	t.Cleanup(allocation.Close)
	return allocation, inbox
}

// A host is somebody else on the internet.
type host struct {
	*net.UDPConn
	address netip.AddrPort
}

func newHost(t testing.TB, address string) host {
	t.Helper()
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return host{socket, socket.LocalAddr().(*net.UDPAddr).AddrPort()}
}

func (h host) say(t testing.TB, text string, to netip.AddrPort) {
	t.Helper()
	if _, err := h.WriteToUDPAddrPort([]byte(text), to); err != nil {
		t.Fatal(err)
	}
}

// next is empty if nothing comes.
func (h host) next(t testing.TB, wait time.Duration) (text string, from netip.AddrPort) {
	t.Helper()
	_ = h.SetReadDeadline(time.Now().Add(wait))
	buffer := make([]byte, 1<<16)
	count, from, _ := h.ReadFromUDPAddrPort(buffer)
	return string(buffer[:count]), from
}

func upTo(t testing.TB, allocation *Allocation, peer netip.AddrPort) *Path {
	t.Helper()
	path, err := allocation.Path(peer)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the path is of use", func() bool { return path.SendNow([]byte("hello")) == nil })
	return path
}
