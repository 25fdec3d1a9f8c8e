// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"container/heap"
	"time"
)

// unscheduled is the place of a peer that has nothing to do.
const unscheduled = -1

// A schedule is a heap of peers by when their prober has something to do.
type schedule []*peer

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].deadline.Before(s[j].deadline) }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].heapPlace, s[j].heapPlace = i, j
}

func (s *schedule) Push(x any) {
	p := x.(*peer)
	p.heapPlace = len(*s)
	*s = append(*s, p)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	p := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	p.heapPlace = unscheduled
	return p
}

// put gives a peer its new place; a zero deadline takes it out.
func (s *schedule) put(p *peer, deadline time.Time) {
	p.deadline = deadline
	switch {
	case deadline.IsZero() && p.heapPlace == unscheduled:
	case deadline.IsZero():
		heap.Remove(s, p.heapPlace)
	case p.heapPlace == unscheduled:
		heap.Push(s, p)
	default:
		heap.Fix(s, p.heapPlace)
	}
}

// first is the peer that is due next, or nil.
func (s schedule) first() *peer {
	if len(s) == 0 {
		return nil
	}
	return s[0]
}
