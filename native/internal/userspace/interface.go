// SPDX-License-Identifier: Apache-2.0

package userspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"

	"meshgate.dev/native/internal/iface"
	"meshgate.dev/native/internal/kernel"
	"meshgate.dev/native/internal/tunnel"
)

const (
	clonePath = "/dev/net/tun"
	// keptAs is the interface's name among what is kept for the next start.
	keptAs = "tun"
)

// make makes the interface, and keeps it for the next start: while no helper is there, packets for the mesh wait in it
// and leave the host by no other way.
func (e Engine) make(config tunnel.Config) (tun.Device, error) {
	if err := kernel.RemoveLeftover(config.Name); err != nil {
		return nil, err
	}
	present, err := iface.Find(config.Name)
	if err != nil {
		return nil, err
	}
	if present != nil {
		return nil, fmt.Errorf("%s: %w", config.Name, tunnel.ErrNameTaken)
	}
	if _, err := os.Stat(clonePath); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", clonePath, tunnel.ErrTunMissing)
	}
	made, err := tun.CreateTUN(config.Name, config.MTU)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", config.Name, err)
	}
	e.Kept.Put(keptAs, made.File())
	return made, nil
}

// takeOver gives the interface that an earlier start has handed on, or nil. One of another name goes.
func (e Engine) takeOver(config tunnel.Config) (made tun.Device, outlived bool) {
	file := e.Kept.Take(keptAs)
	if file == nil {
		return nil, false
	}
	if nameOf(file) == config.Name {
		made, err := tun.CreateTUNFromFile(file, config.MTU)
		if err == nil {
			return made, true
		}
	}
	e.drop(file)
	return nil, false
}

// Release removes an interface that was handed on and is not wanted.
func (e Engine) Release() {
	if file := e.Kept.Take(keptAs); file != nil {
		e.drop(file)
	}
}

func (e Engine) drop(file *os.File) {
	if name := nameOf(file); name != "" {
		iface.Delete(name)
	}
	_ = file.Close()
	e.Kept.Remove(keptAs)
}

// nameOf is empty if the interface was deleted.
func nameOf(file *os.File) (name string) {
	raw, err := file.SyscallConn()
	if err != nil {
		return ""
	}
	_ = raw.Control(func(fd uintptr) {
		request, err := unix.NewIfreq("")
		if err == nil && unix.IoctlIfreq(int(fd), unix.TUNGETIFF, request) == nil {
			name = request.Name()
		}
	})
	return name
}
