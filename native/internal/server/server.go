// SPDX-License-Identifier: Apache-2.0

// Package server speaks the protocol with the agents: JSON-RPC over a Unix socket.
package server

import (
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"meshgate.dev/native/internal/channel"
	"meshgate.dev/native/internal/protocol"
)

const (
	connectionsMax = 8
	// helloTime is how long a connection may be silent before `hello`.
	helloTime = 5 * time.Second
)

// An Engine does what the agents ask for.
type Engine interface {
	Instance() string
	Apply(*protocol.Desired) (protocol.Applied, *protocol.Fault)
	State() protocol.State
	Probe(protocol.ProbeParams) *protocol.Fault
	Search(protocol.SearchParams) *protocol.Fault
	StopSearch(protocol.Key) *protocol.Fault
	SendDatagram(protocol.DatagramParams) *protocol.Fault
	Echo(protocol.EchoParams) (protocol.Echoed, *protocol.Fault)
	Measure(protocol.MeasureParams) (protocol.Measured, *protocol.Fault)
	Carried(frame channel.Frame, by channel.Carrier)
	CarrierLeft(by channel.Carrier)
}

// A Keeper keeps the document that was applied last for the helper's next start.
type Keeper interface {
	Save(document []byte) error
	Remove() error
}

// A Server is also where the engine's events go.
type Server struct {
	log      *slog.Logger
	allowed  []uint32
	hello    protocol.Hello
	engine   Engine
	kept     Keeper
	shutdown chan struct{}
	once     sync.Once

	mutex       sync.Mutex
	connections map[*connection]bool
	closed      bool
	readers     sync.WaitGroup
}

// New makes a server; it serves once it is told to, and hears events at once.
func New(log *slog.Logger, hello protocol.Hello, allowed []uint32, kept Keeper) *Server {
	return &Server{
		log: log, hello: hello, allowed: allowed, kept: kept,
		shutdown: make(chan struct{}), connections: map[*connection]bool{},
	}
}

// Serve answers until the listener closes.
func (s *Server) Serve(listener *net.UnixListener, engine Engine) error {
	s.engine = engine
	s.hello.Instance = engine.Instance()
	for {
		socket, err := listener.AcceptUnix()
		if err != nil {
			return err
		}
		s.accept(socket)
	}
}

// Shutdown closes when an agent has asked for it.
func (s *Server) Shutdown() <-chan struct{} { return s.shutdown }

func (s *Server) requestShutdown() { s.once.Do(func() { close(s.shutdown) }) }

func (s *Server) accept(socket *net.UnixConn) {
	credentials, err := credentialsOf(socket)
	if err != nil {
		s.log.Warn("connection refused: no credentials", "error", err)
		_ = socket.Close()
		return
	}
	log := s.log.With("uid", credentials.Uid, "pid", credentials.Pid)
	if !mayConnect(credentials.Uid, uint32(os.Getuid()), s.allowed) {
		log.Warn("connection refused: this user may not connect; --allow-uid lets it in")
		_ = socket.Close()
		return
	}
	c := newConnection(s, socket, log)
	s.mutex.Lock()
	refused := s.closed || len(s.connections) >= connectionsMax
	if !refused {
		s.connections[c] = true
		s.readers.Add(1)
	}
	s.mutex.Unlock()
	if refused {
		log.Warn("connection refused: there are too many")
		_ = socket.Close()
		return
	}
	go func() {
		defer s.readers.Done()
		c.serve()
		s.mutex.Lock()
		delete(s.connections, c)
		s.mutex.Unlock()
	}()
}

// Emit queues an event for everybody who has said hello. It does not wait.
func (s *Server) Emit(event protocol.Event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var line []byte
	for c := range s.connections {
		if !c.greeted.Load() {
			continue
		}
		if line == nil {
			line = protocol.EventLine(event)
		}
		c.queueEvent(line, event.Droppable())
	}
}

// Close sends what is queued, ends all connections, and waits for them.
func (s *Server) Close() {
	s.mutex.Lock()
	s.closed = true
	for c := range s.connections {
		c.finish()
	}
	s.mutex.Unlock()
	s.readers.Wait()
}
