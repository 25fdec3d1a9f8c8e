// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// socketBuffer absorbs what comes while the receiver is busy elsewhere.
	socketBuffer = 4 << 20
	// readPause keeps a socket that only fails from taking a processor.
	readPause = 10 * time.Millisecond
	// trainMax is the kernel's bound of what goes out in one call.
	trainMax = 65_000
	// carsMax is the kernel's bound of the datagrams in it.
	carsMax = 64
)

// datagrams is a link over UDP. Packets of one length leave in one call and are cut apart by the
// kernel (UDP_SEGMENT), as wireguard-go does it on direct paths; what comes may be joined likewise.
type datagrams struct {
	socket *net.UDPConn

	mutex   sync.Mutex
	train   []byte
	control []byte
	single  bool
}

func newDatagrams(socket *net.UDPConn) *datagrams {
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
	return &datagrams{
		socket: socket, train: make([]byte, 0, trainMax), control: newSegmentControl(),
		single: enableTrains(socket) != nil,
	}
}

func (d *datagrams) close() { _ = d.socket.Close() }

func (d *datagrams) message(raw []byte) error { return d.write(raw, 0) }

// data needs no patience: a socket of UDP has room within moments, or loses the packet.
func (d *datagrams) data(number uint16, datagrams [][]byte, _ time.Duration) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	var failed error
	for len(datagrams) > 0 {
		count := 1
		d.train = appendFrame(d.train[:0], number, datagrams[0])
		segment := len(d.train)
		for !d.single && count < len(datagrams) && count < carsMax &&
			len(datagrams[count-1]) == len(datagrams[0]) && len(datagrams[count]) <= len(datagrams[0]) &&
			len(d.train)+segment <= trainMax {
			d.train = appendFrame(d.train, number, datagrams[count])
			count++
		}
		if count == 1 {
			segment = 0
		}
		err := d.write(d.train, segment)
		if segment > 0 && errors.Is(err, unix.EIO) {
			// The card cannot cut: from now on they go one by one.
			d.single = true
			continue
		}
		failed = errors.Join(failed, err)
		datagrams = datagrams[count:]
	}
	return failed
}

// write passes over a refusal that an earlier datagram met: only then can the next one be sent.
func (d *datagrams) write(raw []byte, segment int) error {
	for try := 0; ; try++ {
		var err error
		if segment == 0 {
			_, err = d.socket.Write(raw)
		} else {
			_, _, err = d.socket.WriteMsgUDPAddrPort(raw, segmentControl(d.control, segment), netip.AddrPort{})
		}
		if try > 0 || !errors.Is(err, unix.ECONNREFUSED) {
			return err
		}
	}
}

// receive goes on after errors: on UDP they are about a moment, and whether the server is gone is
// for the refreshes to find out.
func (d *datagrams) receive(take func(frame []byte), _ func(number uint16) bool) error {
	buffer, control := make([]byte, frameMax), make([]byte, controlMax)
	for {
		count, controlled, _, _, err := d.socket.ReadMsgUDPAddrPort(buffer, control)
		if errors.Is(err, net.ErrClosed) {
			return fail(ConnectionLost, "%v", err)
		}
		if err != nil {
			time.Sleep(readPause)
			continue
		}
		segment := receivedSegment(control[:controlled])
		for held := buffer[:count]; len(held) > 0; {
			length := len(held)
			if segment > 0 {
				length = min(length, segment)
			}
			take(held[:length])
			held = held[length:]
		}
	}
}
