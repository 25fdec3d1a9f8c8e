// SPDX-License-Identifier: Apache-2.0

package portshare

import (
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
}

const (
	bufferSize = 1 << 13
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

// ask sends all questions at once, and hands over what answers each, by its place among them.
func (q *query) ask(questions []netlink.Message, answer func(question int, message netlink.Message) error) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.fd < 0 {
		return unix.EBADF
	}
	first := q.sequence + 1
	var text []byte
	for i := range questions {
		q.sequence++
		header := &questions[i].Header
		header.Flags, header.Sequence = netlink.Request|netlink.Acknowledge, q.sequence
		header.Length = uint32(unix.SizeofNlMsghdr + len(questions[i].Data))
		one, err := questions[i].MarshalBinary()
		if err != nil {
			return err
		}
		text = append(text, one...)
	}
	if err := unix.Sendto(q.fd, text, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for open := len(questions); open > 0; {
		size, _, err := unix.Recvfrom(q.fd, q.buffer[:], 0)
		if err != nil {
			return err
		}
		message := netlink.Message{}
		if err := message.UnmarshalBinary(q.buffer[:size]); err != nil {
			return fmt.Errorf("%w: %w", errShort, err)
		}
		question := int(message.Header.Sequence - first)
		switch {
		case question < 0 || question >= len(questions):
			// A late answer to an earlier question that nobody waits for.
		case message.Header.Type == netlink.Error:
			open--
		default:
			if err := answer(question, message); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *query) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.fd >= 0 {
		_ = unix.Close(q.fd)
		q.fd = -1
	}
}
