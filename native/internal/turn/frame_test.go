// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

func bound(number uint16) bool { return number < numberMin+8 }

// indication is a Data indication as a server makes it.
func indication(t testing.TB, from string, datagram []byte) []byte {
	t.Helper()
	message, err := stun.Build(
		stun.TransactionID, stun.NewType(stun.MethodData, stun.ClassIndication),
		peerAddress(netip.MustParseAddrPort(from)), stun.RawAttribute{Type: stun.AttrData, Value: datagram},
	)
	if err != nil {
		t.Fatal(err)
	}
	return message.Raw
}

func TestAFrameIsFourBytesAndItsDatagram(t *testing.T) {
	frame := appendFrame(nil, 0x4001, []byte("abcde"))
	if got := hex.EncodeToString(frame); got != "400100056162636465" {
		t.Errorf("frame %s", got)
	}
	number, datagram, ok := readChannelData(append(frame, 0, 0, 0))
	if number != 0x4001 || string(datagram) != "abcde" || !ok {
		t.Errorf("read %x %q %t", number, datagram, ok)
	}
}

func TestAFrameThatClaimsMoreThanItHasIsNotRead(t *testing.T) {
	for _, frame := range []string{"", "40", "400000", "40000001", "4000ffff00", "50000000", "3fff0000"} {
		raw, _ := hex.DecodeString(frame)
		if _, _, ok := readChannelData(raw); ok {
			t.Errorf("%s is read", frame)
		}
	}
	whole := indication(t, "192.0.2.1:7", []byte("data"))
	for length := range len(whole) {
		if !isDataIndication(whole[:length]) {
			continue
		}
		if _, _, ok := readDataIndication(whole[:length]); ok {
			t.Errorf("%d of %d bytes are read", length, len(whole))
		}
	}
}

func TestADataIndicationTellsWhoSpeaks(t *testing.T) {
	for _, peer := range []string{"192.0.2.1:7", "[2001:db8::1]:65535"} {
		from, datagram, ok := readDataIndication(indication(t, peer, []byte("data!")))
		if from.String() != peer || string(datagram) != "data!" || !ok {
			t.Errorf("read %s %q %t", from, datagram, ok)
		}
	}
}

func TestAStreamIsCutWhereverItWasSplit(t *testing.T) {
	frames := [][]byte{
		appendFrame(nil, 0x4001, []byte("abcd")), indication(t, "192.0.2.1:7", []byte("12345")),
		append(appendFrame(nil, 0x4002, []byte("efghi")), 0, 0, 0), appendFrame(nil, 0x4000, nil),
		append(appendFrame(nil, 0x4003, make([]byte, datagramMax)), 0),
	}
	whole := bytes.Join(frames, nil)
	for _, step := range []int{1, 3, 7, 1_000, len(whole)} {
		taken := [][]byte{}
		held := []byte{}
		for at := 0; at < len(whole); at += step {
			held = append(held, whole[at:min(len(whole), at+step)]...)
			used, err := cut(held, func(frame []byte) { taken = append(taken, bytes.Clone(frame)) }, bound)
			if err != nil {
				t.Fatal(err)
			}
			held = held[used:]
		}
		if len(held) != 0 || !bytes.Equal(bytes.Join(taken, []byte("|")), bytes.Join(frames, []byte("|"))) {
			t.Errorf("steps of %d: %d frames, %d bytes left", step, len(taken), len(held))
		}
	}
}

func TestWhatIsNoFrameEndsAStream(t *testing.T) {
	for _, text := range []string{"HTTP/1.1", "SSH-2.0-", "\x16\x03\x01\x00\xa5\x01\x00\x00", "\x40\x08\x00\x00", "\x00\x01\x00\x03"} {
		if used, err := cut([]byte(text), func([]byte) {}, bound); err == nil || used != 0 {
			t.Errorf("%q: %d used, %v", text, used, err)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add(appendFrame(nil, 0x4001, []byte("abcd")))
	f.Add(indication(f, "192.0.2.1:7", []byte("12345")))
	f.Add([]byte("HTTP/1.1 400 Bad Request"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		total := 0
		used, _ := cut(stream, func(frame []byte) {
			total += len(frame)
			if !isChannelData(frame) && frame[0] >= 0x40 {
				t.Errorf("%x is taken", frame)
			}
		}, bound)
		if used != total || used > len(stream) {
			t.Errorf("%d of %d used, %d taken", used, len(stream), total)
		}
	})
}

// FuzzTake compares what we read ourselves with what pion's decoder reads.
func FuzzTake(f *testing.F) {
	f.Add(appendFrame(nil, 0x4001, []byte("abcd")))
	f.Add(indication(f, "192.0.2.1:7", []byte("12345")))
	f.Add(indication(f, "[2001:db8::1]:7", nil))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if isChannelData(frame) {
			if _, datagram, ok := readChannelData(frame); ok && len(datagram) > len(frame)-channelHeaderSize {
				t.Errorf("%x holds %d bytes", frame, len(datagram))
			}
			return
		}
		if !isDataIndication(frame) {
			return
		}
		from, datagram, ok := readDataIndication(frame)
		message := &stun.Message{Raw: frame}
		var peer stun.XORMappedAddress
		if !ok || message.Decode() != nil || peer.GetFromAs(message, stun.AttrXORPeerAddress) != nil {
			return
		}
		theirs, err := message.Get(stun.AttrData)
		count := 0
		for _, attribute := range message.Attributes {
			if attribute.Type == stun.AttrData || attribute.Type == stun.AttrXORPeerAddress {
				count++
			}
		}
		address, _ := netip.AddrFromSlice(peer.IP)
		if count == 2 && (err != nil || !bytes.Equal(theirs, datagram) || address.Unmap() != from.Addr()) {
			t.Errorf("%x: from %s %x, pion says %s %x", frame, from, datagram, address, theirs)
		}
	})
}
