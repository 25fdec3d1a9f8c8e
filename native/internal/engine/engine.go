// SPDX-License-Identifier: Apache-2.0

// Package engine keeps what the agent desires: the device, its peers and their paths, and the routes.
// It decides nothing that the agent has not decided, except which of a peer's paths is in use.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/echo"
	"meshgate.dev/native/internal/fdstore"
	"meshgate.dev/native/internal/late"
	"meshgate.dev/native/internal/link"
	"meshgate.dev/native/internal/probe"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/stunserver"
	"meshgate.dev/native/internal/tunnel"
)

// Events takes what the agents should hear of. It must not wait.
type Events interface {
	Emit(event protocol.Event)
}

// Engine is the whole helper but for its socket.
type Engine struct {
	log      *slog.Logger
	events   Events
	instance string
	started  time.Time
	stamps   probe.Stamper
	kind     tunnel.Engine
	kept     *fdstore.Store
	bind     *bind.Bind
	cancel   context.CancelFunc
	wake     chan struct{}
	done     sync.WaitGroup

	// change is held for the whole of an apply: there is one at a time.
	change     sync.Mutex
	desired    *protocol.Desired
	generation int
	restored   bool
	takeover   protocol.Takeover
	lostPort   int
	device     *device
	naming     *naming
	closed     bool

	firewalling firewalling
	lateness    lateness

	// mutex guards what the network touches, and is never held while anything waits.
	mutex       sync.Mutex
	peers       map[protocol.Key]*peer
	hints       map[probe.Hint]*peer
	owners      owners
	schedule    schedule
	echoes      map[uint64]*echoWait
	measures    map[protocol.Transaction]*measureWait
	outstanding int
	links       links
	echoSockets *echo.Sockets
	lateSockets *late.Sockets
	// meshPrefixes are those that the device's addresses are in.
	meshPrefixes []netip.Prefix
	// ownAddresses are those of the device.
	ownAddresses []netip.Addr
	turns        map[string]*turnServer
	searching    int
	stopping     bool
	punched      map[int]*punchedSocket

	opened atomic.Pointer[tunnel.Device]

	probeRate    *rate.Limiter
	sendRate     *rate.Limiter
	datagramRate *rate.Limiter

	stunOn    atomic.Bool
	stunMutex sync.Mutex
	stun      stunserver.Server
}

// New starts an engine that has nothing yet, and whose devices will be of one kind. kept is for its next start.
func New(kind tunnel.Engine, kept *fdstore.Store, events Events, log *slog.Logger) (*Engine, error) {
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{
		log: log, kind: kind, kept: kept, events: events, started: time.Now(), cancel: cancel,
		wake:         make(chan struct{}, 1),
		desired:      &protocol.Desired{},
		peers:        map[protocol.Key]*peer{},
		hints:        map[probe.Hint]*peer{},
		echoes:       map[uint64]*echoWait{},
		measures:     map[protocol.Transaction]*measureWait{},
		turns:        map[string]*turnServer{},
		punched:      map[int]*punchedSocket{},
		probeRate:    rate.NewLimiter(probesPerSecond, probesPerSecond),
		sendRate:     rate.NewLimiter(sendsPerSecond, sendsPerSecond),
		datagramRate: rate.NewLimiter(datagramsPerSecond, datagramsPerSecond),
	}
	e.bind = bind.New(e)
	var name [8]byte
	_, _ = rand.Read(name[:])
	e.instance = hex.EncodeToString(name[:])
	if err := link.Watch(ctx, e.settleLinks); err != nil {
		cancel()
		return nil, err
	}
	e.settleLinks()
	e.done.Go(func() { e.probe(ctx) })
	e.done.Go(func() { e.observe(ctx) })
	return e, nil
}

// Instance names this start of the helper.
func (e *Engine) Instance() string { return e.instance }

// Close removes device and routes.
func (e *Engine) Close() {
	e.cancel()
	e.stopSearches()
	e.closePunched()
	e.done.Wait()
	e.change.Lock()
	defer e.change.Unlock()
	e.closed = true
	e.removeDevice()
	e.convergeTurns(nil, func(string, ...any) {})
}

// Bounds of what agents may make the helper send, or hear.
const (
	probesPerSecond    = 500
	sendsPerSecond     = 1_000
	datagramsPerSecond = 200
	// datagramSizeMax is far more than any STUN message needs.
	datagramSizeMax = 2_048

	outstandingMax        = 1_024
	outstandingPerPeerMax = 64
	// outstandingTime is how long a probe to a candidate waits for its answer.
	outstandingTime = 3 * time.Second

	repliesPerPeerPerSecond = 100
	// heardPace is how often a peer's probes from one address are told.
	heardPace = time.Second
	// heardMax bounds the addresses of one peer that are told within that time.
	heardMax = 64
	// echoesMax bounds the in-session echoes that wait for their reply.
	echoesMax = 16_384

	observePace = time.Second
	// statsEvery is the pace of `stats` in observations.
	statsEvery = 2
	// statsPeersMax keeps one event well below what a line may hold.
	statsPeersMax = 512
	// sessionTime is how long a session may carry data after its handshake (WireGuard's
	// Reject-After-Time).
	sessionTime = 180 * time.Second
)
