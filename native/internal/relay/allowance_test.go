// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

func TestAFloodByOneMemberLeavesTheOthersTraffic(t *testing.T) {
	mesh := newMesh(t, 4)
	flooder, hub, b, quiet := mesh[0], mesh[1], mesh[2], mesh[3]
	large := append([]byte{4, 0, 0, 0}, make([]byte, 60_000)...)
	flood := flooder.send(t, b.tag, hub.tag, Tag{}, large)
	calm := quiet.send(t, b.tag, hub.tag, Tag{}, transport)
	passed, refused := 0, 0
	for step := range 100 {
		at := now.Add(time.Duration(step) * time.Millisecond)
		// Twenty times 60 kB a millisecond is 1.2 GB a second.
		for range 20 {
			switch _, err := hub.table.Read(append([]byte{}, flood...), flooder.address, at); {
			case err == nil:
				passed += len(flood)
			case errors.Is(err, ErrTooMuch):
				refused++
			default:
				t.Fatal(err)
			}
		}
		if _, err := hub.table.Read(append([]byte{}, calm...), quiet.address, at); err != nil {
			t.Fatalf("after %d ms the other one: %v", step, err)
		}
	}
	if most := SourceBytesPerSecond/10 + SourceBytesBurst; passed > most || refused == 0 {
		t.Errorf("%d bytes passed, %d frames did not", passed, refused)
	}
}

func TestAHubThatNamesFalseSourcesFillsNoTable(t *testing.T) {
	a := newAllowance()
	liar, honest := Tag{1}, Tag{2}
	for i := range uint64(4 * sourcesMax) {
		source := Tag{}
		binary.BigEndian.PutUint64(source[:], i+1)
		a.take(account{liar, source}, 100, now)
	}
	if len(a.buckets) > sourcesMax+1 {
		t.Errorf("%d buckets", len(a.buckets))
	}
	if !a.take(account{honest, honest}, 100, now) {
		t.Error("others have no bucket left")
	}
	a.take(account{honest, liar}, 100, now.Add(2*sourceIdle))
	if len(a.buckets) > 2 {
		t.Errorf("%d buckets are kept", len(a.buckets))
	}
}

func TestForwardingAllocatesNothing(t *testing.T) {
	mesh := newMesh(t, 3)
	a, hub, b := mesh[0], mesh[1], mesh[2]
	frame := a.send(t, b.tag, hub.tag, Tag{}, transport)
	again := append([]byte{}, frame...)
	if got := testing.AllocsPerRun(100, func() {
		copy(frame, again)
		if _, err := hub.table.Read(frame, a.address, now); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations a frame", got)
	}
}
