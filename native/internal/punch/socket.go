// SPDX-License-Identifier: Apache-2.0

// Package punch is for hosts whose NAT gives each destination another port: sockets beside the one
// port, each of which leads through the NAT to one address of one peer. It knows no engine: what
// arrives is handed over as it is, and what is sent leaves as it is.
package punch

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/fwmark"
)

// A Socket speaks with one transport address only: the kernel drops what comes from any other.
type Socket struct {
	udp    *net.UDPConn
	batch  *ipv4.PacketConn
	local  netip.AddrPort
	remote netip.AddrPort
	kept   atomic.Bool
}

// Open makes a socket at a port that the kernel chooses, and marks it.
func Open(remote netip.AddrPort, mark *fwmark.Mark) (*Socket, error) {
	connection, err := (&net.Dialer{Control: mark.Control}).Dial("udp", remote.String())
	if err != nil {
		return nil, err
	}
	return connected(connection.(*net.UDPConn), remote), nil
}

func connected(udp *net.UDPConn, remote netip.AddrPort) *Socket {
	local := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	// The calls that move several datagrams are the same for both families.
	return &Socket{udp: udp, batch: ipv4.NewPacketConn(udp), local: local, remote: remote}
}

// ErrForeign says that a file is no socket that speaks with one address.
var ErrForeign = errors.New("not a punched socket")

// TakeOver goes on with a socket of an earlier start, which was kept; the file is closed.
func TakeOver(file *os.File) (*Socket, error) {
	defer file.Close()
	found, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	udp, isUDP := found.(*net.UDPConn)
	if !isUDP || udp.RemoteAddr() == nil {
		return nil, errors.Join(ErrForeign, found.Close())
	}
	remote := udp.RemoteAddr().(*net.UDPAddr).AddrPort()
	socket := connected(udp, netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()))
	socket.Keep()
	return socket, nil
}

// SyscallConn is for whoever keeps the socket for a next start.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.udp.SyscallConn() }

// Port is the local one: the socket's name.
func (s *Socket) Port() int { return int(s.local.Port()) }

// Remote is the address that the socket speaks with.
func (s *Socket) Remote() netip.AddrPort { return s.remote }

// Close ends it, and its Pump.
func (s *Socket) Close() { _ = s.udp.Close() }

// Keep makes it ready for a peer's traffic; until then it expects a probe, and holds little memory.
func (s *Socket) Keep() {
	if s.kept.Swap(true) {
		return
	}
	if raw, err := s.udp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			for _, option := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
				// Without the privilege it has the kernel's own size, and loses more when it is busy.
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, kernelBufferSize)
			}
		})
	}
}

const (
	// kernelBufferSize is what wireguard-go asks for its own sockets.
	kernelBufferSize = 7 << 20
	// waitingSize is more than any probe has.
	waitingSize = 1_024
	// datagramSize is more than a link of the internet carries.
	datagramSize = 9_216
	batchSize    = 64
)

// Send sends a batch, which is the caller's again when it returns.
func (s *Socket) Send(packets [][]byte) error {
	messages := messagePool.Get().(*[batchSize]ipv4.Message)
	defer messagePool.Put(messages)
	for len(packets) > 0 {
		count := min(len(packets), batchSize)
		for i, packet := range packets[:count] {
			messages[i].Buffers = append(messages[i].Buffers[:0], packet)
		}
		for sent := 0; sent < count; {
			n, err := s.write(messages[sent:count])
			if err != nil {
				return err
			}
			sent += n
		}
		for i := range messages[:count] {
			messages[i].Buffers[0] = nil
		}
		packets = packets[count:]
	}
	return nil
}

// write sends one message or more. A refusal is of an earlier datagram: the one at hand has not left, and is tried again once.
func (s *Socket) write(messages []ipv4.Message) (int, error) {
	n, err := s.batch.WriteBatch(messages, 0)
	if errors.Is(err, unix.ECONNREFUSED) {
		n, err = s.batch.WriteBatch(messages, 0)
	}
	if err == nil && n < 1 {
		err = io.ErrShortWrite
	}
	return n, err
}

var messagePool = sync.Pool{New: func() any { return new([batchSize]ipv4.Message) }}

// SendTo sends one datagram to the one address that the socket speaks with.
func (s *Socket) SendTo(datagram []byte, _ netip.AddrPort) error {
	_, err := s.udp.Write(datagram)
	return err
}

// Pump hands over what arrives, until the socket is closed. The bytes are take's own until it returns.
func (s *Socket) Pump(take func(datagram []byte, from netip.AddrPort)) {
	waiting := make([]byte, waitingSize)
	for !s.kept.Load() {
		n, err := s.udp.Read(waiting)
		if err != nil {
			if !s.goesOn(err) {
				return
			}
			continue
		}
		take(waiting[:n], s.remote)
	}
	messages := make([]ipv4.Message, batchSize)
	memory := make([]byte, batchSize*datagramSize)
	for i := range messages {
		messages[i].Buffers = [][]byte{memory[i*datagramSize : (i+1)*datagramSize]}
	}
	for {
		n, err := s.batch.ReadBatch(messages, 0)
		if err != nil {
			if !s.goesOn(err) {
				return
			}
			continue
		}
		for _, message := range messages[:n] {
			take(message.Buffers[0][:message.N], s.remote)
		}
	}
}

// goesOn tells whether a socket that could not read may still do so: the other side's "port
// unreachable" shows here, and passes.
func (s *Socket) goesOn(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		time.Sleep(pauseTime)
	}
	return true
}

// pauseTime keeps an error that stays from using up a core.
const pauseTime = 10 * time.Millisecond
