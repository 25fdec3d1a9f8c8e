// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// openTap makes a TAP device in the network namespace of a process. place is "PID:DEVICE".
// The calling goroutine must be locked to its thread, which stays in that namespace.
func openTap(place string) (int, error) {
	pid, device, ok := strings.Cut(place, ":")
	if !ok {
		return -1, fmt.Errorf("%q is not PID:DEVICE", place)
	}
	namespace, err := unix.Open("/proc/"+pid+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("network namespace of process %s: %w", pid, err)
	}
	defer unix.Close(namespace)
	if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
		return -1, fmt.Errorf("enter namespace of process %s: %w", pid, err)
	}
	tap, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("/dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(device)
	if err != nil {
		return -1, fmt.Errorf("device name %q: %w", device, err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(tap, unix.TUNSETIFF, request); err != nil {
		return -1, fmt.Errorf("make %s: %w", place, err)
	}
	return tap, nil
}
