// SPDX-License-Identifier: Apache-2.0

package late

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// tapBuffer holds what leaves while a burst is sent a second time.
	tapBuffer = 7 << 20
	// packetSizeMax is what the kernel hands to a device in one piece.
	packetSizeMax = 1 << 17
)

// A Tap sees what leaves by a device, by either engine, as the network would see it.
type Tap struct {
	file   *os.File
	reader sync.WaitGroup
}

// OpenTap gives each packet to take, one at a time, until the tap is closed.
func OpenTap(device string, take func(packet []byte)) (*Tap, error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	tap := &Tap{file: os.NewFile(uintptr(fd), "tap")}
	// What is yet to be cut into segments, or to be summed, comes with a word on that.
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tapBuffer),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: link.Index}),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tap on %s: %w", device, err), tap.file.Close())
	}
	tap.reader.Go(func() { tap.read(take) })
	return tap, nil
}

func (tap *Tap) read(take func(packet []byte)) {
	raw, err := tap.file.SyscallConn()
	if err != nil {
		return
	}
	buffer := make([]byte, packetSizeMax)
	for {
		var size int
		var from unix.Sockaddr
		var failed error
		if raw.Read(func(fd uintptr) bool {
			size, from, failed = unix.Recvfrom(int(fd), buffer, 0)
			return !errors.Is(failed, unix.EAGAIN)
		}) != nil {
			return
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if failed != nil || !ok || link.Pkttype != unix.PACKET_OUTGOING || size <= offloadSize {
			continue
		}
		for _, packet := range readOffload(buffer).finish(buffer[offloadSize:size]) {
			take(packet)
		}
	}
}

// Close waits for the last packet to be taken.
func (tap *Tap) Close() {
	_ = tap.file.Close()
	tap.reader.Wait()
}

func bigEndian(number uint16) uint16 { return number<<8 | number>>8 }
