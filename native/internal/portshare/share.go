// SPDX-License-Identifier: Apache-2.0

// Package portshare lets an ordinary UDP socket share the port of the kernel's WireGuard: stateless rules
// of nftables rewrite the port of whatever is not for the kernel to the socket's, and back. What is for
// the kernel are WireGuard's packets from the endpoints that it has been given, its straight ones; the
// rules count those, for they are the only ones that pass by the helper unseen.
package portshare

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"meshgate.dev/native/internal/nft"
)

// Ports are WireGuard's, which is the one that other hosts know, and the socket's.
type Ports struct{ WireGuard, Socket uint16 }

// A Share is there from Open to Close, also if somebody flushes all rules of the host.
type Share struct {
	table *nft.Table
	name  string

	// query is for questions, which have to wait for no transaction.
	query     *query
	questions sync.Map // of endpoints that are straight

	// These are changed only by changes of the table.
	ports    Ports
	straight map[netip.AddrPort]int
	apart    []netip.Addr
}

// Open makes the rules, in a table of the device's.
func Open(device string, ports Ports, log *slog.Logger) (*Share, error) {
	share := &Share{name: tableName(device), ports: ports, straight: map[netip.AddrPort]int{}}
	var err error
	if share.query, err = openQuery(); err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	if share.table, err = nft.Keep(share.name, log, share.fill); err != nil {
		share.query.close()
		return nil, err
	}
	return share, nil
}

// Remove takes away what an earlier helper may have left of a device.
func Remove(device string) error { return nft.Remove(tableName(device)) }

// tableName is like that of no other table of ours: no interface has a slash in its name.
func tableName(device string) string { return "meshgate-" + device + "/port" }

// SetPorts moves the share to other ports.
func (share *Share) SetPorts(ports Ports) error {
	before := share.ports
	err := share.table.Renew(func() { share.ports = ports })
	if err != nil {
		return errors.Join(err, share.table.Renew(func() { share.ports = before }))
	}
	return nil
}

// SetApart names addresses of this host at which nothing is the kernel's, because it would not tell that it came there.
func (share *Share) SetApart(addresses []netip.Addr) error {
	return share.table.Renew(func() { share.apart = addresses })
}

// Straighten changes which endpoints are the kernel's own. Several peers may claim the same one.
func (share *Share) Straighten(removed, added []netip.AddrPort) error {
	return share.table.Change(func(contents *nft.Contents) error {
		gone, come := share.claim(removed, added)
		for _, set := range sides() {
			set.set.Table = contents.Table
			if elements := set.elements(gone); len(elements) > 0 {
				if err := contents.Conn.SetDeleteElements(set.set, elements); err != nil {
					return err
				}
			}
			if elements := set.elements(come); len(elements) > 0 {
				if err := contents.Conn.SetAddElements(set.set, elements); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// claim counts who claims an endpoint, and tells which are no longer claimed and which newly are.
func (share *Share) claim(removed, added []netip.AddrPort) (gone, come []netip.AddrPort) {
	for _, endpoint := range added {
		if share.straight[endpoint]++; share.straight[endpoint] == 1 {
			come = append(come, endpoint)
		}
	}
	for _, endpoint := range removed {
		if share.straight[endpoint]--; share.straight[endpoint] > 0 {
			continue
		}
		delete(share.straight, endpoint)
		share.questions.Delete(endpoint)
		if i := slices.Index(come, endpoint); i >= 0 {
			come = slices.Delete(come, i, i+1)
		} else {
			gone = append(gone, endpoint)
		}
	}
	return gone, come
}

// Close removes the table.
func (share *Share) Close() error {
	share.query.close()
	return share.table.Remove()
}
