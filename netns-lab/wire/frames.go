// SPDX-License-Identifier: Apache-2.0

package main

import "golang.org/x/sys/unix"

const (
	maxFrameBytes = 65_536
	// framesPerTurn keeps one busy link from holding up the others' due frames.
	framesPerTurn = 64
)

func (w *wire) readFrames(fd int, buffer []byte, cameNs int64) {
	d := w.sources[int32(fd)]
	for range framesPerTurn {
		length, err := unix.Read(fd, buffer)
		if err != nil || length <= 0 {
			return
		}
		if d.filter.drops(buffer[:length]) {
			d.refuse()
			continue
		}
		copies, dueNs := d.pass(length, cameNs)
		for range copies {
			w.queue.add(dueNs, d, append(w.takeSpare(), buffer[:length]...))
		}
	}
}

func (w *wire) sendDue() {
	now := nowNs()
	for {
		frame, ok := w.queue.takeDue(now)
		if !ok {
			return
		}
		d := frame.direction
		d.queued--
		// A device that is down refuses the frame: lost, as on a real link.
		if _, err := unix.Write(d.out, frame.bytes); err == nil {
			d.sent++
		} else {
			d.lost++
		}
		w.spare = append(w.spare, frame.bytes[:0])
	}
}

func (w *wire) takeSpare() []byte {
	last := len(w.spare) - 1
	if last < 0 {
		return make([]byte, 0, 2048)
	}
	spare := w.spare[last]
	w.spare = w.spare[:last]
	return spare
}
