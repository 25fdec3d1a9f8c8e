// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

var (
	alice = protocol.Key(bytes.Repeat([]byte{0xa1}, protocol.KeySize))
	bob   = protocol.Key(bytes.Repeat([]byte{0xb2}, protocol.KeySize))
	nonce = [NonceSize]byte{1, 2, 3}
)

func pairs(t testing.TB) (ofAlice, ofBob *Pair) {
	t.Helper()
	ofAlice, err := NewPair(alice, protocol.PublicKey(bob))
	if err != nil {
		t.Fatal(err)
	}
	ofBob, err = NewPair(bob, protocol.PublicKey(alice))
	if err != nil {
		t.Fatal(err)
	}
	return ofAlice, ofBob
}

func TestWhatOneSealsTheOtherOpens(t *testing.T) {
	ofAlice, ofBob := pairs(t)
	for _, body := range []Body{
		{Kind: Request, Stamp: 7, Transaction: protocol.Transaction{9}},
		{Kind: Reply, Stamp: 8},
		{Kind: Reply, Stamp: 1 << 60, Observed: netip.MustParseAddrPort("198.51.100.7:41820")},
		{Kind: Reply, Observed: netip.MustParseAddrPort("[2001:db8::1]:5")},
	} {
		body.Heard = Heard{Transport: 70_000, Handshakes: 3, Told: true}
		frame := ofAlice.Seal(body, nonce)
		if len(frame) != FrameSize {
			t.Errorf("a frame of %d bytes", len(frame))
		}
		if hint, err := HintOf(frame); err != nil || hint != ofBob.InboundHint() {
			t.Errorf("hint %x, %v", hint, err)
		}
		if got, err := ofBob.Open(frame); err != nil || got != body {
			t.Errorf("opened %+v, %v, want %+v", got, err, body)
		}
		if _, err := ofAlice.Open(frame); !errors.Is(err, ErrUnsealed) {
			t.Errorf("its own sender opens it: %v", err)
		}
	}
}

func TestABodySaysWhatItsSenderHearsOnEachPath(t *testing.T) {
	ofAlice, ofBob := pairs(t)
	body := Body{Kind: Request, Stamp: 7, Heard: Heard{1, 2, true}, Path: 3, Room: 4}
	for i := range uint8(2) {
		body.Reports.Add(Report{Path: i + 1, Heard: Heard{Transport: 70_000, Handshakes: 5}, Silent: time.Hour})
	}
	frame := ofAlice.Seal(body, nonce)
	got, err := ofBob.Open(frame)
	if err != nil || got != body {
		t.Errorf("opened %+v, %v, want %+v", got, err, body)
	}
	if first := got.Reports.All()[0]; first.Silent != SilentLong || !first.Heard.Told {
		t.Errorf("the first report is %+v", first)
	}
	// As many reports fit in the answer, and no more.
	reply := Body{Kind: Reply, Heard: Heard{Told: true}}
	for i := range uint8(20) {
		reply.Reports.Add(Report{Path: i + 1})
	}
	reply.Reports.Keep(got.Room)
	if answer := ofBob.Seal(reply, nonce); len(answer) != len(frame) {
		t.Errorf("a request of %d bytes and an answer of %d", len(frame), len(answer))
	}
	body.Room = ReportsMax
	if frame := ofAlice.Seal(body, nonce); len(frame) > FrameSizeMax {
		t.Errorf("a frame of %d bytes gets no answer", len(frame))
	}
}

func TestReportsThatMakeNoSenseAreRefused(t *testing.T) {
	good := make([]byte, reportsOffset+2*reportSize)
	good[0], good[pathOffset], good[pathOffset+1] = byte(Request), 9, 2
	good[reportsOffset], good[reportsOffset+reportSize] = 1, 2
	if body, err := decode(good); err != nil || len(body.Reports.All()) != 2 || body.Room != 2 || body.Path != 9 {
		t.Errorf("read %+v, %v", body, err)
	}
	for name, spoil := range map[string]func(plain []byte){
		"more than there are":  func(plain []byte) { plain[pathOffset+1] = 3 },
		"of no path":           func(plain []byte) { plain[reportsOffset] = 0 },
		"reserved byte":        func(plain []byte) { plain[reportsOffset+1] = 1 },
		"reserved bytes above": func(plain []byte) { plain[pathOffset+3] = 1 },
	} {
		bad := bytes.Clone(good)
		spoil(bad)
		if _, err := decode(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFrameWithAnyBitChangedIsRefused(t *testing.T) {
	ofAlice, ofBob := pairs(t)
	frame := ofAlice.Seal(Body{Kind: Request, Stamp: 7}, nonce)
	for bit := range len(frame) * 8 {
		changed := bytes.Clone(frame)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := ofBob.Open(changed); err == nil {
			t.Errorf("opened with bit %d changed", bit)
		}
	}
}

func TestFramesOfAWrongLengthAreRefused(t *testing.T) {
	ofAlice, ofBob := pairs(t)
	frame := ofAlice.Seal(Body{Kind: Request, Heard: Heard{Told: true}}, nonce)
	for length := range frame {
		want := ErrMalformed
		if length >= FrameSizeMin {
			want = ErrUnsealed
		}
		if _, err := ofBob.Open(frame[:length]); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
	long := append(bytes.Clone(frame), make([]byte, FrameSizeMax)...)
	if _, err := ofBob.Open(long); !errors.Is(err, ErrTooLong) {
		t.Errorf("%d bytes: %v", len(long), err)
	}
}

func TestPaddingMakesAFrameAsLongAsItIsToBe(t *testing.T) {
	ofAlice, ofBob := pairs(t)
	for _, padding := range []int{1, 1_336, FrameSizeMax - FrameSizeFull} {
		body := Body{Kind: Request, Stamp: 3, Heard: Heard{Told: true}, Room: ReportsMax, Padding: padding}
		frame := ofAlice.Seal(body, nonce)
		if got, err := ofBob.Open(frame); err != nil || got != body || len(frame) != FrameSizeFull+padding {
			t.Errorf("%d bytes: opened %+v, %v", len(frame), got, err)
		}
	}
}

func TestABodyMayGrow(t *testing.T) {
	ofAlice, ofBob := pairs(t)
	body := Body{Kind: Request, Stamp: 3, Heard: Heard{Told: true}}
	plain := body.encode()
	longer := append(plain[:], 1, 2, 3)
	frame := ofAlice.Seal(body, nonce)[:sealedOffset]
	frame = ofAlice.outbound.aead.Seal(frame, nonce[:], longer, frame[:nonceOffset])
	body.Padding = 3
	if got, err := ofBob.Open(frame); err != nil || got != body {
		t.Errorf("opened %+v, %v", got, err)
	}
}

func TestAGenuineFrameThatMakesNoSenseIsRefused(t *testing.T) {
	observed := netip.MustParseAddrPort("192.0.2.1:1")
	for name, change := range map[string]func(*[bodySize]byte){
		"unknown kind":              func(plain *[bodySize]byte) { plain[0] = 3 },
		"reserved bits":             func(plain *[bodySize]byte) { plain[2] = 1 },
		"request with an address":   func(plain *[bodySize]byte) { *plain = Body{Kind: Request, Observed: observed}.encode() },
		"reply without an address":  func(plain *[bodySize]byte) { plain[0] = byte(Reply); plain[45] = 1 },
		"reply without a port":      func(plain *[bodySize]byte) { plain[0] = byte(Reply); plain[43] = 1 },
		"reserved bits at the tail": func(plain *[bodySize]byte) { plain[47] = 1 },
	} {
		plain := Body{Kind: Request}.encode()
		change(&plain)
		if body, err := decode(plain[:]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: read as %+v, %v", name, body, err)
		}
	}
}

func TestAKeyWithoutASecretIsRefused(t *testing.T) {
	if _, err := NewPair(alice, protocol.Key{}); !errors.Is(err, ErrWeakKey) {
		t.Errorf("got %v", err)
	}
}

func TestAReplayedOrStaleStampIsRefused(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	now := uint64(began.UnixMicro())
	day := uint64(staleAfter.Microseconds())
	window := NewWindow(began)
	for i, step := range []struct {
		stamp uint64
		want  error
	}{
		{now - day - 1, ErrStale},
		{now, nil},
		{now, ErrReplayed},
		{now + 2, nil},
		{now + 1, nil},
		{now + 1, ErrReplayed},
		{now + 20_000, nil},
		{now + 20_000 - 8_000, nil},
		{now + 20_000 - 9_000, ErrReplayed},
	} {
		if got := window.Accept(step.stamp); !errors.Is(got, step.want) {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}

func TestStampsGrowAndFollowAClockThatWasSetForward(t *testing.T) {
	stamper := Stamper{}
	now := time.Unix(1_700_000_000, 0)
	if got := stamper.Next(now); got != uint64(now.UnixMicro()) {
		t.Errorf("first is %d", got)
	}
	for _, step := range []struct {
		now  time.Time
		grow uint64
	}{
		{now.Add(time.Minute), 1},
		{now.Add(-time.Hour), 1},
		{time.Unix(0, 0), 1},
		{now.Add(2 * time.Hour), uint64((2 * time.Hour).Microseconds()) - 3},
	} {
		before := stamper.last
		if got := stamper.Next(step.now); got-before != step.grow {
			t.Errorf("at %v it grows by %d, want %d", step.now, got-before, step.grow)
		}
	}
}

func TestStampsGoOnInTheNextStartThoughTheClockWasSetBack(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	window := NewWindow(began)
	kept := uint64(0)
	first := Stamper{}
	first.Follow(0, func(stamp uint64) { kept = stamp })
	for range 10_000 {
		if err := window.Accept(first.Next(began)); err != nil {
			t.Fatal(err)
		}
	}
	second := Stamper{}
	second.Follow(kept+uint64(time.Minute.Microseconds()), func(uint64) { t.Error("the clock that was set back is followed") })
	for range 100 {
		if err := window.Accept(second.Next(began.Add(-12 * time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	ofAlice, ofBob := pairs(f)
	frame := ofAlice.Seal(Body{Kind: Request, Stamp: 7}, nonce)
	f.Add(frame)
	f.Add(frame[:FrameSize-1])
	f.Add(append(bytes.Clone(frame), 0))
	f.Add(Magic[:])
	f.Fuzz(func(t *testing.T, data []byte) {
		// What comes out of a genuine seal may be anything, so the body is fuzzed without one as well.
		if body, err := ofBob.Open(data); err == nil && !bytes.Equal(data, ofAlice.Seal(body, [NonceSize]byte(data[nonceOffset:]))) {
			t.Errorf("%x is read as %+v", data, body)
		}
		if len(data) >= bodySize {
			if body, err := decode(data[:bodySize]); err == nil {
				if again := body.encode(); !bytes.Equal(again[:], data[:bodySize]) && body.Observed.Addr().Is6() {
					t.Errorf("%x is read as %+v", data, body)
				}
			}
		}
	})
}

func TestWhatIsHeardIsToldAndMayBeLeftOut(t *testing.T) {
	ofAlice, _ := pairs(t)
	if short := ofAlice.Seal(Body{Kind: Request}, nonce); len(short) != FrameSizeMin {
		t.Errorf("a frame of %d bytes that tells nothing", len(short))
	}
	body := Body{Kind: Request, Heard: Heard{Transport: 7, Handshakes: 2, Told: true}}
	plain := body.encode()
	if got, err := decode(plain[:]); err != nil || got.Heard != body.Heard {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := decode(plain[:bodySizeMin]); err != nil || got.Heard != (Heard{}) {
		t.Errorf("a short body tells %+v, %v", got, err)
	}
}
