// SPDX-License-Identifier: Apache-2.0

// Package wgdevice is one WireGuard device run by wireguard-go inside this process.
package wgdevice

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/flow"
	"meshgate.dev/native/internal/iface"
	"meshgate.dev/native/internal/protocol"
)

// What may stand in the way of a device.
var (
	ErrNameTaken  = errors.New("an interface of this name exists")
	ErrTunMissing = errors.New("the kernel offers no TUN devices")
)

// A Config is what a device cannot be without.
type Config struct {
	Name       string
	MTU        int
	ListenPort int
	PrivateKey protocol.Key
}

// A Device is up from New to Close.
type Device struct {
	name      string
	wireguard *device.Device
	bind      *bind.Bind
	uapi      *uapi
}

const clonePath = "/dev/net/tun"

// Open makes the interface and its socket. An interface that exists is never taken over.
func Open(config Config, b *bind.Bind, log *slog.Logger) (*Device, error) {
	taken, err := iface.Taken(config.Name)
	if err != nil {
		return nil, err
	}
	if taken {
		return nil, fmt.Errorf("%s: %w", config.Name, ErrNameTaken)
	}
	if _, err := os.Stat(clonePath); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", clonePath, ErrTunMissing)
	}
	tunnel, err := tun.CreateTUN(config.Name, config.MTU)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", config.Name, err)
	}
	bounded := &flow.Tunnel{Device: tunnel, Outbound: b.Outbound, Inbound: b.Inbound}
	d := &Device{name: config.Name, bind: b, wireguard: device.NewDevice(bounded, b, logger(log))}
	// Whoever sends something genuine from elsewhere must not move the path: only round trips do.
	d.wireguard.DisableSomeRoamingForBrokenMobileSemantics()
	if err := d.bringUp(config); err != nil {
		d.wireguard.Close()
		return nil, err
	}
	d.uapi, err = listenUAPI(config.Name, d.wireguard)
	if err != nil {
		// Nothing but `wg show` needs it.
		log.Warn("no control socket for wg", "device", config.Name, "error", err)
	}
	return d, nil
}

func (d *Device) bringUp(config Config) error {
	if err := d.set("private_key=%s\nlisten_port=%d\n", hexOf(config.PrivateKey), config.ListenPort); err != nil {
		return err
	}
	// wireguard-go would also do this by itself when the interface comes up, but tell nobody of a failure.
	return d.wireguard.Up()
}

// Name is the interface's.
func (d *Device) Name() string { return d.name }

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

// Close removes the interface.
func (d *Device) Close() {
	if d.uapi != nil {
		d.uapi.close()
	}
	d.wireguard.Close()
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
