// SPDX-License-Identifier: Apache-2.0

// Package userspace is the engine of hosts whose kernel has no WireGuard: wireguard-go inside this process.
package userspace

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"

	"golang.zx2c4.com/wireguard/device"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/fdstore"
	"meshgate.dev/native/internal/flow"
	"meshgate.dev/native/internal/iface"
	"meshgate.dev/native/internal/moment"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// Engine is wireguard-go. Its interface is kept for the next start; its sessions are not, because wireguard-go gives
// nobody their keys.
type Engine struct{ Kept *fdstore.Store }

var _ tunnel.Engine = Engine{}

// Name is what the protocol calls it.
func (Engine) Name() string { return protocol.EngineUserspace }

// Device is up from Open to Close. Its packets ask their endpoint for the way each time, so that a change
// of path takes nothing but a store; and all of them pass the port, so that its counts are those of now.
type Device struct {
	name      string
	kept      *fdstore.Store
	outlived  bool
	wireguard *device.Device
	bind      *bind.Bind
	uapi      *uapi
	// greeting are the peers with whom a handshake is being tried.
	greeting sync.Map

	counting sync.Mutex
	// handshakes are what wireguard-go says of the peers'.
	handshakes map[protocol.Key]*moment.Told
}

// Open makes the interface, or takes over the one that an earlier start has handed on, and opens the port. Any other
// interface that exists is never taken over; one of the kernel's that a helper has left is replaced.
func (e Engine) Open(config tunnel.Config, b *bind.Bind, log *slog.Logger) (tunnel.Device, error) {
	made, outlived := e.takeOver(config)
	if made == nil {
		var err error
		if made, err = e.make(config); err != nil {
			return nil, err
		}
	}
	bounded := &flow.Tunnel{Device: made, Outbound: b.Outbound, Inbound: b.Inbound}
	d := &Device{
		name: config.Name, kept: e.Kept, outlived: outlived, bind: b, wireguard: device.NewDevice(bounded, b, logger(log)),
		handshakes: map[protocol.Key]*moment.Told{},
	}
	// Whoever sends something genuine from elsewhere must not move the path: only round trips do.
	d.wireguard.DisableSomeRoamingForBrokenMobileSemantics()
	if err := d.bringUp(config); err != nil {
		d.Close()
		return nil, err
	}
	var err error
	d.uapi, err = listenUAPI(config.Name, d.wireguard)
	if err != nil {
		// Nothing but `wg show` needs it.
		log.Warn("no control socket for wg", "device", config.Name, "error", err)
	}
	return d, nil
}

func (d *Device) bringUp(config tunnel.Config) error {
	if err := d.set("private_key=%s\nlisten_port=%d\n", hexOf(config.PrivateKey), config.ListenPort); err != nil {
		return err
	}
	// wireguard-go would also do this by itself when the interface comes up, but tell nobody of a failure.
	return d.wireguard.Up()
}

// Gone closes when the device is no more, for instance because somebody has deleted the interface.
func (d *Device) Gone() <-chan struct{} { return d.wireguard.Wait() }

// SetPrivateKey expires all sessions.
func (d *Device) SetPrivateKey(key protocol.Key) error {
	return d.set("private_key=%s\n", hexOf(key))
}

// SetListenPort opens the sockets anew. If it fails there are none.
func (d *Device) SetListenPort(port int) error { return d.set("listen_port=%d\n", port) }

func (d *Device) set(format string, args ...any) error {
	return d.wireguard.IpcSet(fmt.Sprintf(format, args...))
}

// Outlived is never both: the sessions were of the earlier start.
func (d *Device) Outlived() (device, sessions bool) { return d.outlived, false }

// TellsApart is so because everything passes the port.
func (d *Device) TellsApart() bool { return true }

// Apart has nothing to do for the same reason.
func (d *Device) Apart([]netip.Addr) error { return nil }

// Close removes the interface, also for whoever keeps it.
func (d *Device) Close() {
	if d.uapi != nil {
		d.uapi.close()
	}
	lost := isClosed(d.Gone())
	d.wireguard.Close()
	d.kept.Remove(keptAs)
	if !lost {
		iface.Delete(d.name)
	}
}

func isClosed(gone <-chan struct{}) bool {
	select {
	case <-gone:
		return true
	default:
		return false
	}
}

func hexOf(key protocol.Key) string { return hex.EncodeToString(key[:]) }

// logger passes on what wireguard-go says. None of it is an error to us: it complains of each
// packet for which there is no path.
func logger(log *slog.Logger) *device.Logger {
	say := func(format string, args ...any) {
		log.Debug(strings.TrimSpace(fmt.Sprintf(format, args...)), "from", "wireguard-go")
	}
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		say = device.DiscardLogf
	}
	return &device.Logger{Verbosef: say, Errorf: say}
}
