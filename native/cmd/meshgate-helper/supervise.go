// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/fdstore"
	"meshgate.dev/native/internal/privilege"
)

const (
	// exitAgain says that a helper wants to be started again.
	exitAgain = 75
	// A helper that dies is started again at once; one that dies within steadyTime later and later. No host is without
	// its data plane for longer than it takes to make a session, and two starts a second cost next to nothing.
	againFirst = 100 * time.Millisecond
	againMax   = 500 * time.Millisecond
	steadyTime = 10 * time.Second
	// niceness lets the helper go before programs that merely compute: on a busy host packets and probes would wait, and
	// paths be taken for dead. As in the unit.
	niceness = -5
)

func withoutSupervise(arguments []string) []string {
	return slices.DeleteFunc(slices.Clone(arguments), func(argument string) bool {
		return argument == "--supervise" || argument == "-supervise"
	})
}

// supervise keeps a helper running as a child, from the program file as it is at each start, and gives its
// exit code once it ends by itself. It keeps the device and the sockets that the next one goes on with, and does nothing
// else, so that there is little that could end it.
func supervise(arguments []string, log *slog.Logger) int {
	// The child hears of our death, which the kernel takes for that of the thread that started it.
	runtime.LockOSThread()
	// The child inherits it from this thread. Who may not do that does without.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness)
	program, err := os.Executable()
	if err == nil {
		err = privilege.Drop()
	}
	if err != nil {
		log.Error("cannot run", "error", err)
		return 1
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	keeper := fdstore.NewKeeper()
	wait := againFirst
	for first := true; ; first = false {
		began := time.Now()
		code, stopped := runOnce(program, arguments, keeper, signals, log)
		steady := time.Since(began) >= steadyTime
		if stopped || code == 0 || first && code > 0 && code != exitAgain && !steady {
			return max(code, 0)
		}
		if steady {
			wait = againFirst
		}
		log.Warn("the helper died and is started again", "code", code)
		if !steady && code != exitAgain {
			time.Sleep(wait)
			wait = min(2*wait, againMax)
		}
	}
}

// runOnce passes signals on, and tells whether one of them was to end it. The code is -1 after a signal.
func runOnce(
	program string, arguments []string, keeper *fdstore.Keeper, signals <-chan os.Signal, log *slog.Logger,
) (code int, stopped bool) {
	line, err := keeper.Open()
	if err != nil {
		log.Error("cannot start the helper", "error", err)
		return -1, false
	}
	child := exec.Command(program, arguments...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.ExtraFiles, child.Env = line.Files, line.Environment
	child.SysProcAttr = &syscall.SysProcAttr{
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}, Pdeathsig: syscall.SIGTERM,
	}
	if err := child.Start(); err != nil {
		keeper.Abandon(line)
		log.Error("cannot start the helper", "program", program, "error", err)
		return -1, false
	}
	done := make(chan error, 1)
	go func() {
		// Until it is gone, with all that it has said.
		keeper.Keep(line)
		done <- child.Wait()
	}()
	for {
		select {
		case received := <-signals:
			stopped = stopped || received != syscall.SIGHUP
			_ = child.Process.Signal(received)
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return -1, stopped
			}
			return child.ProcessState.ExitCode(), stopped
		}
	}
}
