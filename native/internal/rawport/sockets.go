// SPDX-License-Identifier: Apache-2.0

// Package rawport shares the port of the kernel's WireGuard where there is no nftables: raw sockets hear
// what comes to the port beside WireGuard, and send as if from there.
package rawport

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

// Sockets are one for each family.
type Sockets struct {
	port atomic.Uint32

	mutex sync.RWMutex
	ipv4  *os.File
	ipv6  *os.File
}

var _ conn.Bind = (*Sockets)(nil)

// New has no sockets open yet.
func New() *Sockets { return &Sockets{} }

const (
	sizeUDP        = 8
	offsetChecksum = 6
	// headSize is what a WireGuard packet is cut to: the kernel has it already, and we only count it.
	headSize = 4
	// packetSizeMax is that of IPv4.
	packetSizeMax = 1 << 16
	bufferSize    = 7 << 20
)

// Open listens on the port, which is WireGuard's already.
func (sockets *Sockets) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	if sockets.ipv4 != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	sockets.port.Store(uint32(port))
	opened, err := open(unix.AF_INET, port)
	if err != nil {
		return nil, 0, err
	}
	sockets.ipv4 = opened
	receivers := []conn.ReceiveFunc{receiver(opened, true)}
	// A host without IPv6 has one socket.
	if opened, err := open(unix.AF_INET6, port); err == nil {
		sockets.ipv6 = opened
		receivers = append(receivers, receiver(opened, false))
	}
	return receivers, port, nil
}

func open(family int, port uint16) (*os.File, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "raw")
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize)
	if family == unix.AF_INET6 {
		// The kernel knows the source address, which the checksum needs.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, offsetChecksum)
	}
	if err == nil {
		err = attach(fd, family, port)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// receiver gives one datagram at a time.
func receiver(file *os.File, ipv4 bool) conn.ReceiveFunc {
	buffer := make([]byte, packetSizeMax)
	return func(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
		raw, err := file.SyscallConn()
		if err != nil {
			return 0, net.ErrClosed
		}
		var size int
		var from unix.Sockaddr
		var failed error
		if err := raw.Read(func(fd uintptr) bool {
			size, from, failed = unix.Recvfrom(int(fd), buffer, 0)
			return !errors.Is(failed, unix.EAGAIN)
		}); err != nil {
			return 0, net.ErrClosed
		}
		if failed != nil {
			return 0, failed
		}
		segment := buffer[:size]
		if ipv4 {
			segment = segment[min(size, int(buffer[0]&0x0f)*4):]
		}
		address := addressOf(from)
		if len(segment) < sizeUDP || !address.IsValid() {
			return 0, nil
		}
		sizes[0] = copy(packets[0], segment[sizeUDP:])
		endpoints[0] = &conn.StdNetEndpoint{AddrPort: netip.AddrPortFrom(address, binary.BigEndian.Uint16(segment))}
		return 1, nil
	}
}

func addressOf(from unix.Sockaddr) netip.Addr {
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(from.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(from.Addr)
	}
	return netip.Addr{}
}

// Send sends datagrams one by one.
func (sockets *Sockets) Send(packets [][]byte, endpoint conn.Endpoint) error {
	sockets.mutex.RLock()
	defer sockets.mutex.RUnlock()
	to, ok := endpoint.(*conn.StdNetEndpoint)
	if !ok {
		return conn.ErrWrongEndpointType
	}
	file, address := sockets.ipv4, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte{}})
	if to.Addr().Is4() {
		address = &unix.SockaddrInet4{Addr: to.Addr().As4()}
	} else {
		file, address = sockets.ipv6, &unix.SockaddrInet6{Addr: to.Addr().As16()}
	}
	if file == nil {
		return net.ErrClosed
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	for _, packet := range packets {
		segment := make([]byte, sizeUDP, sizeUDP+len(packet))
		binary.BigEndian.PutUint16(segment[0:], uint16(sockets.port.Load()))
		binary.BigEndian.PutUint16(segment[2:], to.Port())
		binary.BigEndian.PutUint16(segment[4:], uint16(sizeUDP+len(packet)))
		segment = append(segment, packet...)
		var failed error
		if err := raw.Write(func(fd uintptr) bool {
			failed = unix.Sendto(int(fd), segment, 0, address)
			return !errors.Is(failed, unix.EAGAIN)
		}); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// SetPort follows WireGuard to another port.
func (sockets *Sockets) SetPort(port uint16) error {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	sockets.port.Store(uint32(port))
	return sockets.each(func(fd, family int) error { return attach(fd, family, port) })
}

// SetMark marks what is sent.
func (sockets *Sockets) SetMark(mark uint32) error {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	return sockets.each(func(fd, _ int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(mark)) })
}

func (sockets *Sockets) each(do func(fd, family int) error) (err error) {
	for family, file := range map[int]*os.File{unix.AF_INET: sockets.ipv4, unix.AF_INET6: sockets.ipv6} {
		if file == nil {
			continue
		}
		raw, failed := file.SyscallConn()
		if failed == nil {
			_ = raw.Control(func(fd uintptr) { failed = do(int(fd), family) })
		}
		err = errors.Join(err, failed)
	}
	return err
}

// Close ends receiving.
func (sockets *Sockets) Close() error {
	sockets.mutex.Lock()
	defer sockets.mutex.Unlock()
	for _, file := range []*os.File{sockets.ipv4, sockets.ipv6} {
		if file != nil {
			_ = file.Close()
		}
	}
	sockets.ipv4, sockets.ipv6 = nil, nil
	return nil
}

// ParseEndpoint knows none: endpoints are the helper's.
func (sockets *Sockets) ParseEndpoint(string) (conn.Endpoint, error) {
	return nil, conn.ErrWrongEndpointType
}

// BatchSize is one.
func (sockets *Sockets) BatchSize() int { return 1 }
