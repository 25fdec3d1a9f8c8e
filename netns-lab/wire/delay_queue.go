// SPDX-License-Identifier: Apache-2.0

package main

import "container/heap"

// frame is one Ethernet frame on its way to the far end.
type frame struct {
	dueNs int64
	// order breaks ties, so that frames due at the same instant leave in the order they came.
	order     uint64
	direction *direction
	bytes     []byte
}

// delayQueue holds the frames of all links, the next one due first.
type delayQueue struct {
	frames []frame
	order  uint64
}

func (q *delayQueue) Len() int { return len(q.frames) }

func (q *delayQueue) Less(i, j int) bool {
	a, b := &q.frames[i], &q.frames[j]
	return a.dueNs < b.dueNs || (a.dueNs == b.dueNs && a.order < b.order)
}

func (q *delayQueue) Swap(i, j int) { q.frames[i], q.frames[j] = q.frames[j], q.frames[i] }

func (q *delayQueue) Push(item any) { q.frames = append(q.frames, item.(frame)) }

func (q *delayQueue) Pop() any {
	last := len(q.frames) - 1
	item := q.frames[last]
	q.frames[last] = frame{}
	q.frames = q.frames[:last]
	return item
}

func (q *delayQueue) add(dueNs int64, d *direction, bytes []byte) {
	q.order++
	heap.Push(q, frame{dueNs: dueNs, order: q.order, direction: d, bytes: bytes})
}

// nextDueNs tells when the next frame leaves; ok is false while nothing is queued.
func (q *delayQueue) nextDueNs() (dueNs int64, ok bool) {
	if len(q.frames) == 0 {
		return 0, false
	}
	return q.frames[0].dueNs, true
}

// takeDue removes and returns the next frame if its time has come.
func (q *delayQueue) takeDue(nowNs int64) (frame, bool) {
	if len(q.frames) == 0 || q.frames[0].dueNs > nowNs {
		return frame{}, false
	}
	return heap.Pop(q).(frame), true
}
