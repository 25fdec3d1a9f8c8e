// SPDX-License-Identifier: Apache-2.0

// lab-wire stands in for netem, which not every kernel has: each link is two TAP devices in two network namespaces,
// joined by a delay queue. One process serves all links of a lab.
//
//	lab-wire SEED
//
// Control lines come on standard input and are answered on standard output (see control.go). The end of standard
// input ends the program, and with it the devices.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: lab-wire SEED")
	}
	seed, err := strconv.ParseUint(os.Args[1], 10, 64)
	if err != nil {
		fail("the seed must be a whole number")
	}
	// One thread does everything, and it moves between namespaces.
	runtime.LockOSThread()
	// A late frame is worse than a large heap.
	debug.SetGCPercent(400)
	// Best effort: on a busy machine the emulator's lateness would look like the link's.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -15)
	w, err := newWire(seed)
	if err != nil {
		fail(err.Error())
	}
	if err := w.run(); err != nil {
		fail(err.Error())
	}
	w.close()
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "lab-wire:", message)
	os.Exit(1)
}
