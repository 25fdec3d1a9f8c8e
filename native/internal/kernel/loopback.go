// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	// batchMax is how many packets are taken, or brought, with one call.
	batchMax = 128
	// packetSizeMax is that of IPv4.
	packetSizeMax = 1 << 16
	// firstNetwork is 127.64.0.0, which nothing else uses.
	firstNetwork = 127<<24 | 64<<16

	typeInitiation = 1
)

// A loopback is the socket at which the kernel's packets for all peers arrive that it cannot send straight.
// Each peer has an address of its own there.
type loopback struct {
	device  *Device
	socket  *net.UDPConn
	packets *ipv4.PacketConn
	port    uint16
}

func openLoopback(d *Device) (*loopback, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(
				unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "lo"),
				unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, bufferSize),
			)
		})
		return errors.Join(err, failed)
	}}
	socket, err := config.ListenPacket(context.Background(), "udp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	udp := socket.(*net.UDPConn)
	return &loopback{
		device: d, socket: udp, packets: ipv4.NewPacketConn(udp),
		port: udp.LocalAddr().(*net.UDPAddr).AddrPort().Port(),
	}, nil
}

// bufferSize is what wireguard-go gives its own sockets.
const bufferSize = 7 << 20

func (l *loopback) addressOf(slot int) netip.AddrPort {
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], firstNetwork+uint32(slot)+1)
	return netip.AddrPortFrom(netip.AddrFrom4(address), l.port)
}

func (l *loopback) close() { _ = l.socket.Close() }

// Where the address that a packet was sent to is in the control message IP_PKTINFO.
const (
	packetInfoSize   = 12
	packetInfoSource = unix.SizeofCmsghdr + 4
	packetInfoTarget = unix.SizeofCmsghdr + 8
)

// read sends what the kernel has for peers over their paths.
func (l *loopback) read() {
	messages := make([]ipv4.Message, batchMax)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, packetSizeMax)}
		messages[i].OOB = make([]byte, unix.CmsgSpace(packetInfoSize))
	}
	batch := make([][]byte, 0, batchMax)
	for {
		count, err := l.packets.ReadBatch(messages, 0)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		var to *peer
		for _, message := range messages[:count] {
			p := l.peerOf(message)
			if p != to {
				l.send(batch, to)
				batch, to = batch[:0], p
			}
			batch = append(batch, message.Buffers[0][:message.N])
		}
		l.send(batch, to)
		batch = batch[:0]
	}
}

// peerOf believes only the kernel's WireGuard, whose port nobody else can have.
func (l *loopback) peerOf(message ipv4.Message) *peer {
	from, ok := message.Addr.(*net.UDPAddr)
	if !ok || from.Port != int(l.device.listenPort.Load()) || message.NN < packetInfoTarget+4 {
		return nil
	}
	slot := int(binary.BigEndian.Uint32(message.OOB[packetInfoTarget:])) - firstNetwork - 1
	l.device.mutex.RLock()
	defer l.device.mutex.RUnlock()
	if slot < 0 || slot >= len(l.device.slots) {
		return nil
	}
	return l.device.slots[slot]
}

func (l *loopback) send(packets [][]byte, to *peer) {
	if to == nil || len(packets) == 0 {
		return
	}
	for _, packet := range packets {
		if len(packet) > 0 && packet[0] == typeInitiation {
			to.initiatedAt.Note()
		}
	}
	// What cannot leave is lost, as it would be on any link.
	_ = l.device.port.Send(packets, to.endpoint)
	if !to.met.Load() && to.endpoint.Settled() {
		l.device.meet(to)
	}
}

// bring hands packets to the kernel from a peer's address there.
func (l *loopback) bring(packets [][]byte, from netip.Addr) {
	control := make([]byte, unix.CmsgSpace(packetInfoSize))
	header := unix.Cmsghdr{Level: unix.IPPROTO_IP, Type: unix.IP_PKTINFO}
	header.SetLen(unix.CmsgLen(packetInfoSize))
	putHeader(control, header)
	copy(control[packetInfoSource:], from.AsSlice())
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(l.device.listenPort.Load())}
	messages := make([]ipv4.Message, len(packets))
	for i := range packets {
		messages[i] = ipv4.Message{Buffers: packets[i : i+1], OOB: control, Addr: to}
	}
	for len(messages) > 0 {
		sent, err := l.packets.WriteBatch(messages, 0)
		if err != nil {
			return
		}
		messages = messages[sent:]
	}
}
