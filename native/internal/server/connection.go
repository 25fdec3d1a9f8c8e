// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"meshgate.dev/native/internal/protocol"
)

const (
	queueLength = 1_000
	// waitingMax bounds the requests of one connection that wait for the network.
	waitingMax = 64
	// lastWords is how long a connection that ends may take to read what is queued for it.
	lastWords = time.Second
	// readSize is small: a connection mostly waits.
	readSize = 4 << 10
)

// A connection reads requests one after the other; answers and events leave through one queue.
type connection struct {
	server  *Server
	socket  *net.UnixConn
	log     *slog.Logger
	greeted atomic.Bool
	// carries is set when what follows are a carrier's frames.
	carries bool
	queue   chan []byte
	done    chan struct{}
	once    sync.Once
	dropped atomic.Uint64
	waiting chan struct{}
}

func newConnection(server *Server, socket *net.UnixConn, log *slog.Logger) *connection {
	return &connection{
		server: server, socket: socket, log: log,
		queue: make(chan []byte, queueLength), done: make(chan struct{}), waiting: make(chan struct{}, waitingMax),
	}
}

// serve returns when the connection has ended and what was queued is sent.
func (c *connection) serve() {
	var writer sync.WaitGroup
	writer.Go(c.write)
	_ = c.socket.SetReadDeadline(time.Now().Add(helloTime))
	c.read()
	c.finish()
	writer.Wait()
	_ = c.socket.Close()
	if dropped := c.dropped.Load(); dropped > 0 {
		c.log.Warn("events were dropped: the agent was too slow", "count", dropped)
	}
	c.log.Debug("connection closed")
}

// finish lets the writer send what is queued, and ends the reader.
func (c *connection) finish() {
	c.once.Do(func() {
		close(c.done)
		_ = c.socket.SetDeadline(time.Now().Add(lastWords))
		_ = c.socket.CloseRead()
	})
}

var errTooLong = errors.New("line too long")

func (c *connection) read() {
	reader := bufio.NewReaderSize(c.socket, readSize)
	for {
		line, err := readLine(reader)
		if errors.Is(err, errTooLong) {
			c.send(protocol.FaultLine(nil, protocol.Faultf(protocol.CodeInvalidRequest,
				"a line is longer than %d bytes", protocol.LineLengthMax)))
			return
		}
		if err != nil {
			return
		}
		if !c.receive(line) {
			return
		}
		if c.carries {
			c.carry(reader)
			return
		}
	}
}

// readLine gives back its memory after each line: most lines are short, and few are very long.
func readLine(reader *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		if len(line)+len(part) > protocol.LineLengthMax+1 {
			return nil, errTooLong
		}
		line = append(line, part...)
		if err == nil {
			return bytes.TrimSuffix(line, []byte{'\n'}), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, io.EOF
		}
	}
}

// receive tells whether the connection goes on.
func (c *connection) receive(line []byte) bool {
	request, fault := protocol.ReadRequest(line)
	if fault != nil {
		c.log.Warn("connection closed: it does not speak JSON-RPC", "error", fault)
		c.send(protocol.FaultLine(nil, fault))
		return false
	}
	c.handle(request)
	return true
}

func (c *connection) answer(request *protocol.Request, result any, fault *protocol.Fault) {
	if fault != nil {
		c.send(protocol.FaultLine(request.ID, fault))
		return
	}
	c.send(protocol.ResultLine(request.ID, result))
}

// send queues an answer; a connection that does not even take those is ended.
func (c *connection) send(line []byte) { c.queueEvent(line, false) }

func (c *connection) queueEvent(line []byte, droppable bool) {
	select {
	case c.queue <- line:
	default:
		if droppable {
			c.dropped.Add(1)
			return
		}
		c.log.Warn("connection closed: the agent does not read")
		c.finish()
	}
}

func (c *connection) write() {
	for {
		select {
		case line := <-c.queue:
			if !c.writeLine(line) {
				return
			}
		case <-c.done:
			for {
				select {
				case line := <-c.queue:
					if !c.writeLine(line) {
						return
					}
				default:
					return
				}
			}
		}
	}
}

func (c *connection) writeLine(line []byte) bool {
	if _, err := c.socket.Write(line); err != nil {
		c.finish()
		return false
	}
	return true
}
