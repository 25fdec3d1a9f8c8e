// SPDX-License-Identifier: Apache-2.0

// Package portshare lets an ordinary UDP socket share the port of the kernel's WireGuard: stateless rules
// of nftables rewrite the port of whatever is not for the kernel to the socket's, and back. What is for
// the kernel are WireGuard's packets from the endpoints that it has been given, its straight ones; the
// rules count those, for they are the only ones that pass by the helper unseen.
package portshare

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

// Ports are WireGuard's, which is the one that other hosts know, and the socket's.
type Ports struct{ WireGuard, Socket uint16 }

// A Share is there from Open to Close, also if somebody flushes all rules of the host.
type Share struct {
	log   *slog.Logger
	table *nftables.Table

	// asking is for questions, which have to wait for no transaction.
	asking sync.Mutex
	query  *netlink.Conn

	mutex    sync.Mutex
	conn     *nftables.Conn
	ports    Ports
	straight map[netip.AddrPort]int
	expected int
	watching *netlink.Conn
}

// Open makes the rules, in a table of their own. A table of that name is taken to be left of an earlier
// start, and replaced at once with the new one.
func Open(name string, ports Ports, log *slog.Logger) (*Share, error) {
	// Each transaction has a socket of its own: with a lasting one, answers that the library leaves unread
	// are taken for those of the next.
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	share := &Share{
		log: log, conn: conn, ports: ports, straight: map[netip.AddrPort]int{},
		table: &nftables.Table{Name: name, Family: nftables.TableFamilyINet},
	}
	if share.query, err = dial(); err == nil {
		err = share.install()
	}
	if err == nil {
		err = share.watch()
	}
	if err != nil {
		share.release()
		return nil, fmt.Errorf("nftables: %w", err)
	}
	return share, nil
}

// SetPorts moves the share to other ports.
func (share *Share) SetPorts(ports Ports) error {
	share.mutex.Lock()
	defer share.mutex.Unlock()
	before := share.ports
	share.ports = ports
	if err := share.install(); err != nil {
		share.ports = before
		return err
	}
	return nil
}

// Straighten changes which endpoints are the kernel's own. Several peers may claim the same one.
func (share *Share) Straighten(removed, added []netip.AddrPort) error {
	share.mutex.Lock()
	defer share.mutex.Unlock()
	gone, come := []netip.AddrPort{}, []netip.AddrPort{}
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
		if i := slices.Index(come, endpoint); i >= 0 {
			come = slices.Delete(come, i, i+1)
		} else {
			gone = append(gone, endpoint)
		}
	}
	for _, set := range share.sets() {
		if elements := set.elements(gone); len(elements) > 0 {
			if err := share.conn.SetDeleteElements(set.set, elements); err != nil {
				return err
			}
		}
		if elements := set.elements(come); len(elements) > 0 {
			if err := share.conn.SetAddElements(set.set, elements); err != nil {
				return err
			}
		}
	}
	if err := share.conn.Flush(); err != nil {
		// Somebody may have changed the table under us: what is wanted is known, so all is made anew.
		share.log.Warn("rules made anew", "table", share.table.Name, "error", err)
		return share.install()
	}
	return nil
}

// Close removes the table.
func (share *Share) Close() {
	share.mutex.Lock()
	defer share.mutex.Unlock()
	share.stopWatching()
	share.conn.DelTable(share.table)
	if err := share.conn.Flush(); err != nil {
		share.log.Warn("rules not removed", "table", share.table.Name, "error", err)
	}
	share.release()
}

func (share *Share) release() {
	share.asking.Lock()
	defer share.asking.Unlock()
	if share.query != nil {
		_ = share.query.Close()
	}
}
