// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// outboxMax bounds what waits for a connection: about a batch of WireGuard's packets.
	outboxMax = 192 << 10
	// outboxReserve is for requests, without which the allocation would be lost in a jam.
	outboxReserve = 16 << 10
	// closeTime is how long a closed link may still take to say what it has to say.
	closeTime = time.Second
)

var errJammed = errors.New("the connection to the server takes no more for now")

// An outbox collects frames while the connection is busy, and then writes them all at once: that is
// one system call, or one run of TLS records, for many packets.
type outbox struct {
	mutex  sync.Mutex
	filled []byte
	closed bool
	work   chan struct{}
	room   chan struct{}
}

func newOutbox() *outbox {
	return &outbox{work: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put may leave out the last datagrams if the wait is over; to the peer they are lost.
func (o *outbox) put(number uint16, datagrams [][]byte, patience time.Duration) error {
	var timer *time.Timer
	for {
		rest, err := o.add(number, datagrams)
		if err != nil || len(rest) == 0 {
			return err
		}
		datagrams = rest
		if patience == 0 {
			return errJammed
		}
		if timer == nil {
			timer = time.NewTimer(patience)
			defer timer.Stop()
		}
		select {
		case <-o.room:
		case <-timer.C:
			return errJammed
		}
	}
}

// add gives back what has no room.
func (o *outbox) add(number uint16, datagrams [][]byte) (rest [][]byte, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.closed {
		return nil, net.ErrClosed
	}
	for i, datagram := range datagrams {
		length := paddedLength(channelHeaderSize + len(datagram))
		if len(o.filled) > 0 && len(o.filled)+length > outboxMax {
			signal(o.work)
			return datagrams[i:], nil
		}
		if len(datagram) > datagramMax {
			continue
		}
		end := len(o.filled) + length
		o.filled = appendFrame(o.filled, number, datagram)
		for len(o.filled) < end {
			o.filled = append(o.filled, 0)
		}
	}
	signal(o.work)
	if len(o.filled) < outboxMax/2 {
		// Somebody else may be waiting for what is left.
		signal(o.room)
	}
	return nil, nil
}

func (o *outbox) putMessage(raw []byte) error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	switch {
	case o.closed:
		return net.ErrClosed
	case len(o.filled)+len(raw) > outboxMax+outboxReserve:
		return errJammed
	}
	o.filled = append(o.filled, raw...)
	signal(o.work)
	return nil
}

// drain writes until it cannot, or until the outbox is closed and empty.
func (o *outbox) drain(writer io.Writer) error {
	var spare []byte
	for {
		o.mutex.Lock()
		written, closed := o.filled, o.closed
		o.filled = spare[:0]
		o.mutex.Unlock()
		signal(o.room)
		if len(written) > 0 {
			if _, err := writer.Write(written); err != nil {
				o.close()
				return err
			}
		} else if closed {
			return nil
		} else {
			<-o.work
		}
		spare = written
	}
}

func (o *outbox) close() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.closed = true
	signal(o.work)
}

func signal(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}
