// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net"
	"sync"

	"golang.zx2c4.com/wireguard/conn"
)

// ringSize is what waits for WireGuard at most; beyond it packets are lost, as in any queue.
const ringSize = 512

// A ring hands packets that did not come over the one port to the goroutine that WireGuard receives
// them on. Its buffers are used again and again.
type ring struct {
	mutex  sync.Mutex
	slots  [ringSize]slot
	first  int
	count  int
	closed bool
	filled chan struct{}
}

type slot struct {
	packet []byte
	from   conn.Endpoint
}

func newRing() *ring { return &ring{filled: make(chan struct{}, 1)} }

// put tells whether there was room.
func (r *ring) put(packet []byte, from conn.Endpoint) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed || r.count == ringSize {
		return false
	}
	place := &r.slots[(r.first+r.count)%ringSize]
	place.packet, place.from = append(place.packet[:0], packet...), from
	r.count++
	select {
	case r.filled <- struct{}{}:
	default:
	}
	return true
}

// receive is a conn.ReceiveFunc.
func (r *ring) receive(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
	for {
		if count, closed := r.take(packets, sizes, endpoints); count > 0 {
			return count, nil
		} else if closed {
			return 0, net.ErrClosed
		}
		<-r.filled
	}
}

func (r *ring) take(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (count int, closed bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for count < len(packets) && r.count > 0 {
		place := &r.slots[r.first]
		sizes[count] = copy(packets[count], place.packet)
		endpoints[count] = place.from
		place.from = nil
		r.first = (r.first + 1) % ringSize
		r.count--
		count++
	}
	return count, r.closed
}

func (r *ring) close() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.closed = true
	r.count = 0
	close(r.filled)
}
