// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"slices"

	"golang.org/x/sys/unix"
)

// credentialsOf asks the kernel who is at the other end.
func credentialsOf(connection *net.UnixConn) (*unix.Ucred, error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return nil, err
	}
	var credentials *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		credentials, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return nil, err
	}
	return credentials, failed
}

// mayConnect lets in root, ourselves and those who were named.
func mayConnect(uid, own uint32, allowed []uint32) bool {
	return uid == 0 || uid == own || slices.Contains(allowed, uid)
}
