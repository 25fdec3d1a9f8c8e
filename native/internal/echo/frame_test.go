// SPDX-License-Identifier: Apache-2.0

package echo

import (
	"bytes"
	"testing"
)

func TestAReplyIsItsRequestWithAnotherKind(t *testing.T) {
	frame := newRequest(0x0102030405060708, 56)
	if len(frame) != 56 || !bytes.HasPrefix(frame, []byte("mge1\x01\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08")) {
		t.Errorf("request %x", frame)
	}
	intoReply(frame)
	if kind, id, ok := parse(frame); kind != reply || id != 0x0102030405060708 || !ok {
		t.Errorf("reply %x", frame)
	}
}

func TestWhatIsNoEchoIsPassedOver(t *testing.T) {
	for _, frame := range []string{"", "mge1", "mge1\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "mge2\x01" + nulls, "mge1\x03" + nulls, "mge1\x00" + nulls, "mge1\x01\x00\x01" + nulls} {
		if _, _, ok := parse([]byte(frame)); ok {
			t.Errorf("%q is taken", frame)
		}
	}
}

const nulls = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestCarriedSizeIsWhatWireGuardCounts(t *testing.T) {
	for _, c := range []struct {
		frame int
		ipv6  bool
		want  uint64
	}{{56, false, 96 + 32}, {56, true, 112 + 32}, {16, false, 48 + 32}, {1252, false, 1280 + 32}} {
		if got := CarriedSize(c.frame, c.ipv6); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(newRequest(1, 56)))
	f.Add([]byte("mge1\x02" + nulls))
	f.Add([]byte("mge1"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		kind, id, ok := parse(frame)
		if !ok || kind != request {
			return
		}
		again := newRequest(id, len(frame))
		if !bytes.Equal(again[:FrameSizeMin], frame[:FrameSizeMin]) || len(again) != len(frame) {
			t.Errorf("%x is read as request %x", frame, id)
		}
	})
}
