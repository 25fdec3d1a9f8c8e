// SPDX-License-Identifier: Apache-2.0

// Package handover opens listening sockets that need a privilege, for a program that has none. They are passed on
// as systemd passes sockets on (sd_listen_fds(3)), so that a socket unit can do the same.
package handover

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// first is the descriptor of the first socket; the protocol has it so.
	first   = 3
	backlog = 511
)

// Listen opens a TCP socket on each address; none of them survives an exec yet.
func Listen(addresses []netip.AddrPort) (sockets []int, err error) {
	for _, address := range addresses {
		socket, err := listen(address)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on TCP %s port %d: %w", address.Addr(), address.Port(), err)
		}
		sockets = append(sockets, socket)
	}
	return sockets, nil
}

// Become replaces this program by another one, which finds the sockets in order from descriptor 3 on. It returns only
// if that cannot be done.
func Become(program []string, sockets []int) error {
	// Out of the way of each other first, then to where they belong.
	for i, socket := range sockets {
		moved, err := unix.FcntlInt(uintptr(socket), unix.F_DUPFD_CLOEXEC, first+len(sockets))
		if err != nil {
			return err
		}
		sockets[i] = moved
	}
	for i, socket := range sockets {
		if err := unix.Dup3(socket, first+i, 0); err != nil {
			return err
		}
	}
	return unix.Exec(program[0], program, environment(len(sockets)))
}

// environment says how many sockets there are, and to whom: the process stays the same over an exec.
func environment(sockets int) []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LISTEN_") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "LISTEN_FDS="+strconv.Itoa(sockets), "LISTEN_PID="+strconv.Itoa(os.Getpid()))
}

// listen goes without the net package, whose poller keeps descriptors of its own where the sockets belong.
func listen(address netip.AddrPort) (socket int, err error) {
	family, at := sockaddr(address)
	socket, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(socket)
		}
	}()
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, err
	}
	if family == unix.AF_INET6 {
		// IPv4 has a socket of its own on the same port.
		if err := unix.SetsockoptInt(socket, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return -1, err
		}
	}
	if err := unix.Bind(socket, at); err != nil {
		return -1, err
	}
	return socket, unix.Listen(socket, backlog)
}

func sockaddr(address netip.AddrPort) (family int, at unix.Sockaddr) {
	if address.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
}
