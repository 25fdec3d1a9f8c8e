// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"encoding/binary"
	"errors"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlMax has room for the only control message that is asked for.
const controlMax = 64

// enableTrains asks the kernel to join what it receives, and tells whether it can cut what is sent.
func enableTrains(socket *net.UDPConn) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1)
		_, failed = unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
	})
	return errors.Join(err, failed)
}

// newSegmentControl is the control message that says where to cut.
func newSegmentControl() []byte {
	control := make([]byte, unix.CmsgSpace(2))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	header.Level, header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	header.SetLen(unix.CmsgLen(2))
	return control
}

func segmentControl(control []byte, segment int) []byte {
	binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], uint16(segment))
	return control
}

// receivedSegment is where a joined run has to be cut; zero is nowhere.
func receivedSegment(control []byte) int {
	for len(control) >= unix.CmsgLen(0) {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if header.Level == unix.SOL_UDP && header.Type == unix.UDP_GRO && len(data) >= 4 {
			return int(binary.NativeEndian.Uint32(data))
		}
		control = rest
	}
	return 0
}
