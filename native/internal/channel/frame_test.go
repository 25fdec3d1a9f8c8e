// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

var anna = protocol.Key{1, 2, 3}

func read(text []byte) (Frame, error) {
	return Read(bufio.NewReader(bytes.NewReader(text)), make([]byte, PayloadSizeMax))
}

func TestAFrameIsReadAsItWasWritten(t *testing.T) {
	for _, frame := range []Frame{
		{Packet, anna, []byte("ciphertext")}, {Open, anna, nil}, {Closed, anna, nil},
		{Packet, anna, make([]byte, PayloadSizeMax)},
	} {
		got, err := read(frame.Bytes())
		if err != nil || got.Kind != frame.Kind || got.Peer != anna || !bytes.Equal(got.Payload, frame.Payload) {
			t.Errorf("read %d bytes of kind %d: %v", len(got.Payload), got.Kind, err)
		}
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	whole := Frame{Packet, anna, []byte("x")}.Bytes()
	for name, text := range map[string][]byte{
		"no such kind":           append([]byte{4}, whole[1:]...),
		"kind zero":              append([]byte{0}, whole[1:]...),
		"a byte that is no zero": append([]byte{1, 1}, whole[2:]...),
		"an empty packet":        Frame{Packet, anna, nil}.Bytes(),
		"a word with a payload":  append([]byte{2}, whole[1:]...),
		"too much":               append([]byte{1, 0, 0xff, 0xff}, whole[4:]...),
	} {
		if _, err := read(text); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for cut := 1; cut < len(whole); cut++ {
		if _, err := read(whole[:cut]); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Frame{Packet, anna, []byte("ciphertext")}.Bytes())
	f.Add(Frame{Open, anna, nil}.Bytes())
	f.Add([]byte{3, 0, 0, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		frame, err := read(text)
		if err == nil && !bytes.HasPrefix(text, frame.Bytes()) {
			t.Errorf("%x was read as %x", text, frame.Bytes())
		}
	})
}
