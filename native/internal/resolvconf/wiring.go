// SPDX-License-Identifier: Apache-2.0

// Package resolvconf tells the host's resolver about a name server, in the way that this host has for
// that, and takes it back.
package resolvconf

import (
	"errors"
	"net/netip"
)

// A Wish is a name server, and what it is to be asked about.
type Wish struct {
	// Device is the interface that the server belongs to.
	Device string
	// Servers are the addresses of one and the same server.
	Servers []netip.Addr
	// Zones are without final dots.
	Zones []string
}

// The ways to tell.
const (
	// BySystemd asks systemd-resolved, which asks the server about its zones only.
	BySystemd = "systemd-resolved"
	// ByResolvconf asks one of the programs resolvconf, Debian's or openresolv, whose list begins with us.
	ByResolvconf = "resolvconf"
	// ByFile writes /etc/resolv.conf.
	ByFile = "file"
)

// A Wiring is what was done, for as long as it holds.
type Wiring interface {
	// Way is one of the ways to tell.
	Way() string
	// Upstreams are the servers that knew all names before; none if those are still asked by somebody else.
	Upstreams() ([]netip.AddrPort, error)
	// Settle does it, or does it again where somebody has undone it.
	Settle() error
	// Undo takes it back.
	Undo() error
}

// Clean removes what a helper that was killed has left.
func Clean() error {
	err := (&file{path: Path}).Undo()
	for _, directory := range records {
		err = errors.Join(err, cleanRecords(directory))
	}
	return err
}

// Find is the way to tell that this host has. Nothing is told before it settles.
func Find(wish Wish) Wiring {
	switch {
	case hasSystemd(Path):
		return &systemd{wish: wish}
	case hasResolvconf(Path):
		return &program{path: Path, wish: wish}
	}
	return &file{path: Path, wish: wish}
}
