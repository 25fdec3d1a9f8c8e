// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"sync"

	"meshgate.dev/native/internal/relay"
)

// arenaSize holds a batch of 128 full packets of the usual MTU, and one of the largest.
const arenaSize = 192 << 10

// An arena holds the frames of one batch, one right after the other: that is how segmentation offload
// wants them, so that the sockets find them in place.
type arena struct {
	memory []byte
	used   int
	frames [][]byte
}

var arenas = sync.Pool{New: func() any { return &arena{memory: make([]byte, arenaSize)} }}

// add makes room for a frame with this payload, and tells whether there is any.
func (a *arena) add(payload []byte) ([]byte, bool) {
	size := relay.HeaderSize + len(payload)
	if len(a.memory)-a.used < size {
		return nil, false
	}
	// The capacity is all that is left, because a batch grows into it.
	frame := a.memory[a.used : a.used+size]
	a.used += size
	copy(frame[relay.HeaderSize:], payload)
	a.frames = append(a.frames, frame)
	return frame, true
}

func (a *arena) clear() {
	clear(a.frames)
	a.frames, a.used = a.frames[:0], 0
}
