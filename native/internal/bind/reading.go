// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"encoding/binary"
	"net"
	"net/netip"
	"reflect"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

const (
	// trainMax is how many datagrams of one sender the kernel joins.
	trainMax = 64
	// trainSize holds such a run, whatever its length.
	trainSize = 1 << 16
	// controlSize has room for a length to cut by and for the address of ours that was written to.
	controlSize = 128
)

type batchReader interface {
	ReadBatch(messages []ipv6.Message, flags int) (int, error)
}

// reading receives from one of wireguard-go's sockets in its place: that forgets, of datagrams which the kernel has
// joined, to which of our addresses they came, so that no answer could leave from there.
func reading(socket batchReader) conn.ReceiveFunc {
	trains := make([]ipv6.Message, conn.IdealBatchSize/trainMax)
	for i := range trains {
		trains[i] = ipv6.Message{Buffers: [][]byte{make([]byte, trainSize)}, OOB: make([]byte, controlSize)}
	}
	return func(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (count int, err error) {
		read, err := socket.ReadBatch(trains, 0)
		for i := range trains[:max(read, 0)] {
			train := &trains[i]
			control := train.OOB[:train.NN]
			from, ok := train.Addr.(*net.UDPAddr)
			if !ok {
				continue
			}
			segment, source := readControl(control)
			endpoint := newEndpoint(from.AddrPort(), source)
			for rest := train.Buffers[0][:train.N]; len(rest) > 0 && count < len(packets); count++ {
				length := len(rest)
				if segment > 0 {
					length = min(length, segment)
				}
				sizes[count] = copy(packets[count], rest[:length])
				endpoints[count], rest = endpoint, rest[length:]
			}
		}
		return count, err
	}
}

// readControl finds the length to cut by, zero for a datagram that came alone, and the control message that makes an
// answer leave from where the question came to.
func readControl(control []byte) (segment int, source []byte) {
	for len(control) >= unix.CmsgLen(0) {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.SOL_UDP && header.Type == unix.UDP_GRO && len(data) >= 4:
			segment = int(binary.NativeEndian.Uint32(data))
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			// The address within is the one that was written to; the kernel wants to know the one to write from.
			source = leavingFrom(netip.AddrFrom4([4]byte(data[4:8])), binary.NativeEndian.Uint32(data))
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			source = leavingFrom(netip.AddrFrom16([16]byte(data)), binary.NativeEndian.Uint32(data[16:]))
		}
		control = rest
	}
	return segment, source
}

// leavingFrom is the control message by which a datagram leaves from an address of ours over a link.
func leavingFrom(source netip.Addr, link uint32) []byte {
	if source.Is4() {
		return unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(link), Spec_dst: source.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: link, Addr: source.As16()})
}

// newEndpoint is what wireguard-go makes of a datagram. The package lets nobody else say where the answer leaves from.
func newEndpoint(to netip.AddrPort, source []byte) *conn.StdNetEndpoint {
	endpoint := &conn.StdNetEndpoint{AddrPort: to}
	if source != nil {
		*(*[]byte)(reflect.ValueOf(endpoint).Elem().FieldByName("src").Addr().UnsafePointer()) = source
	}
	return endpoint
}
