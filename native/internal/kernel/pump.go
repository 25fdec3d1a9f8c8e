// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"net"
	"time"

	"golang.zx2c4.com/wireguard/conn"
)

// pump brings to the kernel what the port has received of WireGuard's, which is all that does not come
// straight: the port has sorted out the rest.
func (d *Device) pump(receive conn.ReceiveFunc) {
	size := d.port.BatchSize()
	packets, sizes, endpoints := make([][]byte, size), make([]int, size), make([]conn.Endpoint, size)
	for i := range packets {
		packets[i] = make([]byte, packetSizeMax)
	}
	batch := make([][]byte, 0, size)
	for {
		count, err := receive(packets, sizes, endpoints)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		var from *peer
		taken := 0
		for i := range count {
			if sizes[i] == 0 {
				continue
			}
			taken++
			packet := packets[i][:sizes[i]]
			direct, isDirect := endpoints[i].(*conn.StdNetEndpoint)
			if isDirect && d.headsOnly {
				continue
			}
			p := d.senderOf(endpoints[i])
			if p == nil {
				if isDirect {
					d.bringStranger(packet, direct)
				}
				continue
			}
			if p != from {
				d.bring(batch, from)
				batch, from = batch[:0], p
			}
			batch = append(batch, packet)
		}
		d.bring(batch, from)
		batch = batch[:0]
		d.port.Inbound.Leave(taken)
	}
}

func (d *Device) senderOf(endpoint conn.Endpoint) *peer {
	known := d.port.Sender(endpoint)
	if known == nil {
		return nil
	}
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	return d.byEndpoint[known]
}

// bring makes packets come from where the kernel sends the peer's, so that it stays there.
func (d *Device) bring(packets [][]byte, from *peer) {
	if from == nil || len(packets) == 0 {
		return
	}
	told := *from.told.Load()
	if told == from.crossing {
		d.loop.bring(packets, told.Addr())
		return
	}
	for _, packet := range packets {
		d.foreign.bring(packet, told, uint16(d.listenPort.Load()))
	}
}

// bringStranger lets the kernel judge who a sender is that nobody knows: a member may come from a new
// address. It will follow the member there until it is told otherwise.
func (d *Device) bringStranger(packet []byte, from *conn.StdNetEndpoint) {
	if d.strangers.Allow() {
		d.foreign.bring(packet, unmapped(from.AddrPort), uint16(d.listenPort.Load()))
	}
}
