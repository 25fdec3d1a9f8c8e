// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"io"
	"net"
	"time"
)

// streamBuffer holds at least one frame of the greatest length.
const streamBuffer = 2 * (frameMax + stunHeaderSize)

// A stream is a link over TCP or TLS.
type stream struct {
	connection net.Conn
	outbox     *outbox
}

func newStream(connection net.Conn) *stream {
	s := &stream{connection: connection, outbox: newOutbox()}
	go func() {
		// What ends the writing ends the reading too, and that is where it is told.
		_ = s.outbox.drain(connection)
		_ = connection.Close()
	}()
	return s
}

func (s *stream) message(raw []byte) error { return s.outbox.putMessage(raw) }

func (s *stream) data(number uint16, datagrams [][]byte, patience time.Duration) error {
	return s.outbox.put(number, datagrams, patience)
}

func (s *stream) close() {
	s.outbox.close()
	_ = s.connection.SetDeadline(time.Now().Add(closeTime))
}

func (s *stream) receive(take func(frame []byte), isBound func(number uint16) bool) error {
	buffer := make([]byte, streamBuffer)
	held := 0
	for {
		count, err := s.connection.Read(buffer[held:])
		held += count
		used, malformed := cut(buffer[:held], take, isBound)
		if malformed != nil {
			return fail(Nonsense, "%v", malformed)
		}
		held = copy(buffer, buffer[used:held])
		if errors.Is(err, io.EOF) {
			return fail(ConnectionLost, "the server has closed the connection")
		}
		if err != nil {
			return fail(ConnectionLost, "%v", err)
		}
	}
}

// cut takes the whole frames off the front, and tells how much those were.
func cut(held []byte, take func(frame []byte), isBound func(number uint16) bool) (used int, err error) {
	for {
		length, err := frameLength(held[used:], isBound)
		if err != nil {
			return used, err
		}
		if length == 0 || length > len(held)-used {
			return used, nil
		}
		take(held[used:][:length])
		used += length
	}
}
