// SPDX-License-Identifier: Apache-2.0

package flow

import "golang.zx2c4.com/wireguard/tun"

// A Tunnel is a TUN device whose packets enter one window and leave the other.
type Tunnel struct {
	tun.Device
	Outbound *Window
	Inbound  *Window
}

// Read takes packets of this host.
func (tunnel *Tunnel) Read(packets [][]byte, sizes []int, offset int) (int, error) {
	tunnel.Outbound.Wait()
	count, err := tunnel.Device.Read(packets, sizes, offset)
	tunnel.Outbound.Enter(count)
	return count, err
}

// Write hands packets to this host.
func (tunnel *Tunnel) Write(packets [][]byte, offset int) (int, error) {
	defer tunnel.Inbound.Leave(len(packets))
	return tunnel.Device.Write(packets, offset)
}
