// SPDX-License-Identifier: Apache-2.0

package channel

import "testing"

// A box keeps what it was given to carry.
type box struct{ frames int }

func (b *box) Carry([]byte) { b.frames++ }

func TestTheLastCarrierThatOpensAChannelHasIt(t *testing.T) {
	table, first, second := NewTable(), &box{}, &box{}
	if table.Has(anna) || table.Send(Frame{Packet, anna, []byte{1}}) {
		t.Error("a channel before anybody has opened one")
	}
	if !table.Open(anna, first) || table.Open(anna, second) {
		t.Error("opening says wrongly whether there was none")
	}
	if table.Close(anna, first) || !table.Send(Frame{Packet, anna, []byte{1}}) || second.frames != 1 || first.frames != 0 {
		t.Errorf("the first carries %d, the second %d", first.frames, second.frames)
	}
	if left := table.Leave(first); len(left) != 0 {
		t.Errorf("the first left %v", left)
	}
	if left := table.Leave(second); len(left) != 1 || left[0] != anna || table.Has(anna) {
		t.Errorf("the second left %v", left)
	}
}
