// SPDX-License-Identifier: Apache-2.0

// Package privilege keeps of root only what a helper needs.
package privilege

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// needed are CAP_NET_ADMIN, for the device and its routes, and CAP_NET_RAW, to bind sockets to it.
const needed = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW

// ErrMissing says what to do.
var ErrMissing = errors.New("CAP_NET_ADMIN and CAP_NET_RAW are needed: start as root, or from a systemd unit with " +
	"AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW")

// Drop leaves the process, in all its threads and for whatever it may start, with those two
// capabilities and no way to get more.
func Drop() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	if have[0].Effective&needed != needed {
		return ErrMissing
	}
	if err := prctlAll(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := prctlAll(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	if err := dropBounding(have[0].Effective); err != nil {
		return err
	}
	keep := [2]unix.CapUserData{{Effective: needed, Permitted: needed}}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&keep[0])), 0)
	if errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}

// dropBounding needs CAP_SETPCAP, which whoever starts without root does not have. Such a process
// cannot get capabilities by starting another either, because of no_new_privs.
func dropBounding(effective uint32) error {
	if effective&(1<<unix.CAP_SETPCAP) == 0 {
		return nil
	}
	for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
		if capability < 32 && needed&(1<<capability) != 0 {
			continue
		}
		// EINVAL: an older kernel does not have this capability.
		err := prctlAll(unix.PR_CAPBSET_DROP, capability, 0)
		if err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("bounding capability %d: %w", capability, err)
		}
	}
	return nil
}

func prctlAll(option, argument, argument2 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, option, argument, argument2, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
