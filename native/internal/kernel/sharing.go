// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/portshare"
	"meshgate.dev/native/internal/rawport"
)

// sharePort opens the helper's half of the port: an ordinary socket behind rules of nftables or, where
// there is no nftables, raw sockets.
func (d *Device) sharePort() error {
	receivers, err := d.shareByRules()
	if err != nil && !errors.Is(err, unix.EPERM) {
		d.log.Warn("without nftables the port is shared by raw sockets", "device", d.name, "error", err)
		receivers, err = d.shareByRawSockets()
	}
	if err != nil {
		return err
	}
	for _, receive := range receivers {
		d.pumps.Go(func() { d.pump(receive) })
	}
	return nil
}

func (d *Device) shareByRules() ([]conn.ReceiveFunc, error) {
	d.port.Over(nil)
	receivers, own, err := d.port.Open(0)
	if err != nil {
		return nil, err
	}
	ports := portshare.Ports{WireGuard: uint16(d.listenPort.Load()), Socket: own}
	share, err := portshare.Open(d.name, ports, d.log)
	if err != nil {
		_ = d.port.Close()
		return nil, err
	}
	d.share = &byRules{share, own}
	return receivers, nil
}

func (d *Device) shareByRawSockets() ([]conn.ReceiveFunc, error) {
	sockets := rawport.New()
	d.port.Over(sockets)
	receivers, _, err := d.port.Open(uint16(d.listenPort.Load()))
	if err != nil {
		return nil, err
	}
	d.share, d.headsOnly = byRawSockets{sockets}, true
	return receivers, nil
}

type byRules struct {
	*portshare.Share
	socket uint16
}

func (rules *byRules) Move(listenPort uint16) error {
	return rules.SetPorts(portshare.Ports{WireGuard: listenPort, Socket: rules.socket})
}

func (rules *byRules) Tally(endpoint netip.AddrPort) (in, out bind.Sent, err error) {
	counts, err := rules.Count(endpoint)
	in = bind.Sent{Transport: uint32(counts.TransportIn), Handshakes: uint32(counts.HandshakesIn)}
	out = bind.Sent{Transport: uint32(counts.TransportOut), Handshakes: uint32(counts.HandshakesOut)}
	return in, out, err
}

// TellsApart is not so with raw sockets: the kernel follows a peer to whichever address of ours it writes.
func (d *Device) TellsApart() bool { return !d.headsOnly }

// Apart has what comes to these addresses cross the helper, which alone is told to which address it came.
func (d *Device) Apart(addresses []netip.Addr) error {
	d.change.Lock()
	defer d.change.Unlock()
	if slices.Equal(d.apart, addresses) {
		return nil
	}
	err := d.share.SetApart(addresses)
	if err == nil {
		d.apart = addresses
	}
	return err
}

// byRawSockets the helper sees the head of all that comes, and nothing of what the kernel sends: paths
// that are straight are believed their probes.
type byRawSockets struct{ sockets *rawport.Sockets }

func (byRawSockets) SetApart([]netip.Addr) error { return nil }

func (byRawSockets) Straighten(_, _ []netip.AddrPort) error { return nil }

func (byRawSockets) Tally(netip.AddrPort) (in, out bind.Sent, err error) { return in, out, nil }

func (raw byRawSockets) Move(listenPort uint16) error { return raw.sockets.SetPort(listenPort) }

func (byRawSockets) Close() error { return nil }
