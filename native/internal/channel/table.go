// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"sync"

	"meshgate.dev/native/internal/protocol"
)

// A Carrier takes frames to a program that holds data channels. It must not wait: what it has no room
// for is lost, as in any queue.
type Carrier interface {
	Carry(frame []byte)
}

// openMax bounds the channels that carriers may claim to hold.
const openMax = protocol.PeersMax

// A Table knows which carrier holds the channel to which peer.
type Table struct {
	mutex sync.RWMutex
	open  map[protocol.Key]Carrier
}

// NewTable is empty.
func NewTable() *Table { return &Table{open: map[protocol.Key]Carrier{}} }

// Open notes that a carrier holds a channel to a peer; another carrier's is forgotten. It tells whether
// there was none.
func (t *Table) Open(peer protocol.Key, by Carrier) (isNew bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	_, known := t.open[peer]
	if !known && len(t.open) >= openMax {
		return false
	}
	t.open[peer] = by
	return !known
}

// Close is the opposite of Open. It tells whether the channel was this carrier's.
func (t *Table) Close(peer protocol.Key, by Carrier) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.open[peer] != by {
		return false
	}
	delete(t.open, peer)
	return true
}

// Leave forgets all channels of a carrier, and gives their peers.
func (t *Table) Leave(by Carrier) (peers []protocol.Key) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for peer, carrier := range t.open {
		if carrier == by {
			delete(t.open, peer)
			peers = append(peers, peer)
		}
	}
	return peers
}

// Has tells whether there is a channel to a peer.
func (t *Table) Has(peer protocol.Key) bool {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return t.open[peer] != nil
}

// Send hands a frame to whoever holds the channel to its peer, and tells whether somebody does.
func (t *Table) Send(frame Frame) bool {
	t.mutex.RLock()
	carrier := t.open[frame.Peer]
	t.mutex.RUnlock()
	if carrier == nil {
		return false
	}
	carrier.Carry(frame.Bytes())
	return true
}
