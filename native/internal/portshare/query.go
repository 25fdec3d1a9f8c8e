// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A query asks nftables on a socket that blocks, past the runtime's poller: the kernel answers such
// questions while it takes them, so that all answers are there when the call returns, and a probe that waits
// for them costs some microseconds.
type query struct {
	mutex    sync.Mutex
	fd       int
	sequence uint32
	buffer   [bufferSize]byte
	// text and open are the questions that are being asked, and how many answers each still has.
	text []byte
	open []int
}

const (
	bufferSize = 1 << 13
	// offsetSequence is where a message has its number.
	offsetSequence = 8
	// patienceSeconds bounds what cannot happen.
	patienceSeconds = 1
)

func openQuery() (*query, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	if err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patienceSeconds})
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &query{fd: fd}, nil
}

// A question is a message of netlink, whose number is filled in, and how many answers come if all is well.
type question struct {
	text    []byte
	answers int
}

// ask sends all questions at once, and hands over what answers each, by its place among them. A question that the
// kernel refuses, because the table has just been flushed, has no more answers.
func (q *query) ask(questions []question, answer func(question int, message netlink.Message) error) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.fd < 0 {
		return unix.EBADF
	}
	first, open := q.sequence+1, 0
	q.text, q.open = q.text[:0], q.open[:0]
	for _, one := range questions {
		q.sequence++
		begin := len(q.text)
		q.text = append(q.text, one.text...)
		binary.NativeEndian.PutUint32(q.text[begin+offsetSequence:], q.sequence)
		q.open = append(q.open, one.answers)
		open += one.answers
	}
	if err := unix.Sendto(q.fd, q.text, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for open > 0 {
		message, err := q.next()
		if err != nil {
			return err
		}
		question := int(int32(message.Header.Sequence - first))
		switch {
		case question < 0 || question >= len(questions):
			// A late answer to an earlier question that nobody waits for.
		case message.Header.Type == netlink.Error:
			open -= q.open[question]
			q.open[question] = 0
		default:
			open--
			q.open[question]--
			if err := answer(question, message); err != nil {
				return err
			}
		}
	}
	return nil
}

// next waits for one message, which is there until the next one.
func (q *query) next() (message netlink.Message, err error) {
	size := 0
	for {
		// A time limit makes the kernel tell of signals, of which Go's scheduler sends many.
		if size, err = unix.Read(q.fd, q.buffer[:]); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return message, err
	}
	if err := message.UnmarshalBinary(q.buffer[:size]); err != nil {
		return message, fmt.Errorf("%w: %w", errShort, err)
	}
	return message, nil
}

func (q *query) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.fd >= 0 {
		_ = unix.Close(q.fd)
		q.fd = -1
	}
}
