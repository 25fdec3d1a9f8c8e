// SPDX-License-Identifier: Apache-2.0

// Package fwmark gives sockets the firewall mark of the device. By it a host's rules and routes tell packets that carry
// its tunnels from those that go through them, so everything that the helper sends to other hosts has to bear it.
package fwmark

import (
	"errors"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Mark is that of all sockets that have joined it. The zero value is no mark, and
// nil is none for ever.
type Mark struct {
	mutex   sync.Mutex
	value   uint32
	sockets map[syscall.Conn]bool
}

// Control marks a socket before it is connected, which is when its route is looked up; it is for a net.Dialer.
func (m *Mark) Control(_, _ string, raw syscall.RawConn) error {
	if m == nil {
		return nil
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.value == 0 {
		return nil
	}
	return set(raw, m.value)
}

// Join has a socket follow the mark until it leaves.
func (m *Mark) Join(socket syscall.Conn) (leave func()) {
	if m == nil {
		return func() {}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.sockets == nil {
		m.sockets = map[syscall.Conn]bool{}
	}
	m.sockets[socket] = true
	if m.value != 0 {
		// The mark may have changed since it was dialled.
		_ = apply(socket, m.value)
	}
	return func() {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		delete(m.sockets, socket)
	}
}

// Set changes the mark of all sockets; zero takes it away.
func (m *Mark) Set(value uint32) (err error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.value = value
	for socket := range m.sockets {
		err = errors.Join(err, apply(socket, value))
	}
	return err
}

func apply(socket syscall.Conn, value uint32) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	return set(raw, value)
}

func set(raw syscall.RawConn, value uint32) error {
	var refused error
	err := raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(value))
	})
	return errors.Join(err, refused)
}
