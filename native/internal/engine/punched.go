// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/punch"
)

// unclaimedTime is how long a punched socket waits for a path that names it.
const unclaimedTime = 10 * time.Second

// A punched socket is one that a search has found a peer with. It lives for as long as a path names it.
type punchedSocket struct {
	socket *punch.Socket
	peer   *peer
	until  time.Time
}

// keepPunched keeps a socket for the path that the agent will ask for. The mutex is held.
func (e *Engine) keepPunched(p *peer, socket *punch.Socket, now time.Time) {
	socket.Keep()
	e.kept.Put(keptName(socket.Port()), socket)
	e.punched[socket.Port()] = &punchedSocket{socket, p, now.Add(unclaimedTime)}
}

// keptName is a socket's among what is kept for the next start.
func keptName(port int) string { return fmt.Sprintf("punched-%d", port) }

// punchedPath is what carries packets over a punched socket. Nothing does if that is gone: a helper that
// was restarted has the sockets of the last one only if they were handed on. The mutex is held.
func (e *Engine) punchedPath(p *peer, path protocol.Path) bind.Path {
	if e.punched[path.Socket] == nil {
		e.takeOverPunched(p, path)
	}
	if known := e.punched[path.Socket]; known != nil && known.peer == p && known.socket.Remote() == path.Endpoint {
		return e.bind.Punched(known.socket)
	}
	return bind.Nowhere()
}

// takeOverPunched goes on with a socket that an earlier start has handed on. The mutex is held.
func (e *Engine) takeOverPunched(p *peer, path protocol.Path) {
	file := e.kept.Take(keptName(path.Socket))
	if file == nil {
		return
	}
	socket, err := punch.TakeOver(file)
	if err != nil {
		e.log.Warn("a punched socket cannot be taken over", "socket", path.Socket, "error", err)
		return
	}
	e.takeover.Sockets++
	e.punched[path.Socket] = &punchedSocket{socket, p, time.Now().Add(unclaimedTime)}
	e.done.Go(func() { e.bind.Receive(socket) })
}

// owns tells whether a peer may be heard at a socket: the one port is everybody's. The mutex is held.
func (e *Engine) owns(p *peer, socket int) bool {
	if socket == 0 || p.search != nil && p.search.sockets[socket] != nil {
		return true
	}
	known := e.punched[socket]
	return known != nil && known.peer == p
}

// releasePunched closes the sockets that no path names.
func (e *Engine) releasePunched(now time.Time) {
	for _, socket := range e.unclaimedPunched(now) {
		e.kept.Remove(keptName(socket.Port()))
		socket.Close()
	}
}

// closePunched closes all of them; the helper goes.
func (e *Engine) closePunched() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for port, known := range e.punched {
		e.kept.Remove(keptName(port))
		known.socket.Close()
	}
	clear(e.punched)
}

func (e *Engine) unclaimedPunched(now time.Time) (unclaimed []*punch.Socket) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	claimed := map[int]*peer{}
	for _, p := range e.peers {
		for _, path := range p.spec.Paths {
			claimed[path.Socket] = p
		}
	}
	for port, known := range e.punched {
		isPeer := e.peers[known.peer.spec.PublicKey] == known.peer
		if claimed[port] == known.peer || isPeer && now.Before(known.until) {
			continue
		}
		delete(e.punched, port)
		unclaimed = append(unclaimed, known.socket)
	}
	return unclaimed
}
