// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// wire is all links of a lab. Link n has the directions 2n (first device to second) and 2n+1.
type wire struct {
	seed       uint64
	epoll      int
	timer      int
	directions []*direction
	// sources maps the descriptor that a direction reads from to the direction.
	sources map[int32]*direction
	queue   delayQueue
	// spare recycles the buffers of frames that have left.
	spare   [][]byte
	pending []byte // an incomplete control line
}

func newWire(seed uint64) (*wire, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	// epoll's own timeout counts in milliseconds; the timer in nanoseconds.
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	w := &wire{seed: seed, epoll: epoll, timer: timer, sources: map[int32]*direction{}}
	for _, fd := range []int{unix.Stdin, timer} {
		if err := w.watch(fd); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *wire) watch(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// add makes a link between two places and returns its number.
func (w *wire) add(a, b string) (int, error) {
	link := len(w.directions) / 2
	tapA, err := openTap(a)
	if err != nil {
		return 0, err
	}
	tapB, err := openTap(b)
	if err != nil {
		_ = unix.Close(tapA)
		return 0, err
	}
	for i, ends := range [][2]int{{tapA, tapB}, {tapB, tapA}} {
		d := newDirection(w.seed, uint64(2*link+i))
		d.out = ends[1]
		w.directions = append(w.directions, d)
		w.sources[int32(ends[0])] = d
		if err := w.watch(ends[0]); err != nil {
			return 0, err
		}
	}
	return link, nil
}

// run serves until standard input ends.
func (w *wire) run() error {
	events := make([]unix.EpollEvent, 64)
	buffer := make([]byte, maxFrameBytes)
	for {
		if err := w.armTimer(); err != nil {
			return err
		}
		count, err := unix.EpollWait(w.epoll, events, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
		cameNs := nowNs()
		for _, event := range events[:count] {
			switch int(event.Fd) {
			case unix.Stdin:
				if ended := w.readControl(buffer); ended {
					return nil
				}
			case w.timer:
				_, _ = unix.Read(w.timer, buffer[:8])
			default:
				w.readFrames(int(event.Fd), buffer, cameNs)
			}
		}
		w.sendDue()
	}
}

// close removes all devices. Each removal waits for the kernel's readers to be done; side by side they share the wait.
func (w *wire) close() {
	var closing sync.WaitGroup
	for fd := range w.sources {
		closing.Go(func() { _ = unix.Close(int(fd)) })
	}
	closing.Wait()
}

func (w *wire) armTimer() error {
	// All zero disarms; an instant in the past fires at once.
	var at unix.ItimerSpec
	if dueNs, ok := w.queue.nextDueNs(); ok {
		at.Value = unix.NsecToTimespec(max(dueNs, 1))
	}
	if err := unix.TimerfdSettime(w.timer, unix.TFD_TIMER_ABSTIME, &at, nil); err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	return nil
}

func (w *wire) readControl(buffer []byte) (ended bool) {
	length, err := unix.Read(unix.Stdin, buffer)
	if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
		return false
	}
	if err != nil || length == 0 {
		return true
	}
	w.pending = append(w.pending, buffer[:length]...)
	for {
		line, rest, found := bytes.Cut(w.pending, []byte("\n"))
		if !found {
			return false
		}
		w.pending = rest
		fmt.Fprintln(os.Stdout, w.obey(string(line)))
	}
}

func nowNs() int64 {
	var now unix.Timespec
	// Cannot fail: the clock exists and the pointer is good.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return now.Nano()
}
