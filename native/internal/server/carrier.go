// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"errors"
	"io"
	"time"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/protocol"
)

// answerCarry turns a connection into a carrier's: from its answer on it speaks frames, both ways.
func (c *connection) answerCarry(request *protocol.Request) {
	client, fault := protocol.ReadHello(request.Params)
	if fault != nil {
		c.answer(request, nil, fault)
		return
	}
	_ = c.socket.SetReadDeadline(time.Time{})
	c.log.Info("carrier connected", "client", client)
	c.answer(request, nothing{}, nil)
	c.carries = true
}

// carry reads frames until the carrier goes, or says something that is none.
func (c *connection) carry(reader *bufio.Reader) {
	engine := c.server.engine
	defer engine.CarrierLeft(c)
	buffer := make([]byte, channel.PayloadSizeMax)
	for {
		frame, err := channel.Read(reader, buffer)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			c.log.Info("carrier gone")
			return
		case err != nil:
			c.log.Warn("carrier closed", "error", err)
			return
		}
		engine.Carried(frame, c)
	}
}

// Carry queues a frame for the carrier.
func (c *connection) Carry(frame []byte) { c.queueEvent(frame, true) }
