// SPDX-License-Identifier: Apache-2.0

// Package flow bounds how many packets are inside wireguard-go at once. Each of them holds a buffer
// of 64 KiB there, and TCP fills whatever queue it is given: without a bound a fast transfer takes
// hundreds of megabytes, and gains nothing from it.
package flow

import (
	"sync/atomic"
	"time"
)

const (
	// packetsMax is as many as one batch: more made nothing faster in measurements.
	packetsMax = 128
	// patience ends a wait for packets that were dropped on the way and will not leave.
	patience = 5 * time.Millisecond
)

// A Window counts the packets of one direction. One goroutine waits, any may leave.
type Window struct {
	inside atomic.Int64
	left   chan struct{}
}

// NewWindow is empty.
func NewWindow() *Window {
	return &Window{left: make(chan struct{}, 1)}
}

// Enter counts packets in.
func (window *Window) Enter(packets int) { window.inside.Add(int64(packets)) }

// Leave counts packets out. Those that never entered, such as handshakes, do not count.
func (window *Window) Leave(packets int) {
	for {
		inside := window.inside.Load()
		if window.inside.CompareAndSwap(inside, max(0, inside-int64(packets))) {
			break
		}
	}
	select {
	case window.left <- struct{}{}:
	default:
	}
}

// Wait returns when there is room.
func (window *Window) Wait() {
	if window.inside.Load() < packetsMax {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for window.inside.Load() >= packetsMax {
		select {
		case <-window.left:
		case <-timer.C:
			window.inside.Store(0)
			return
		}
	}
}
