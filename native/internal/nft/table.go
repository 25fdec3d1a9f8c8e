// SPDX-License-Identifier: Apache-2.0

// Package nft keeps tables of nftables that are ours: each is filled in one transaction, of which no packet
// sees a half, and put back when somebody else has flushed it. Tables of others are never touched.
package nft

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrMissing says that the kernel has no nftables and finds no module of it.
var ErrMissing = errors.New("the kernel has no nftables")

// A Table is there from Keep to Remove, also if somebody flushes all rules of the host.
type Table struct {
	log  *slog.Logger
	fill func(*Contents) error

	// mutex is held while fill and every change run: what they share needs no lock of its own.
	mutex    sync.Mutex
	conn     *nftables.Conn
	table    *nftables.Table
	expected []*nftables.Chain
	rules    int
	watching *netlink.Conn
}

// Keep makes a table of what fill writes, and calls fill again whenever it has to be made anew. A table of
// that name is taken to be left of an earlier start, and replaced.
func Keep(name string, log *slog.Logger, fill func(*Contents) error) (*Table, error) {
	// Each transaction has a socket of its own: with a lasting one, answers that the library leaves unread
	// are taken for those of the next.
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	t := &Table{log: log, fill: fill, conn: conn, table: named(name)}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	// The table alone first: where nftables is missing the kernel answers a transaction once and not each of its
	// messages, and the library would wait for the other answers for ever.
	t.conn.AddTable(t.table)
	if err = t.conn.Flush(); err == nil {
		err = t.make()
	}
	if err == nil {
		err = t.watch()
	}
	// Netfilter's protocol, or nftables in it.
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	return t, nil
}

func named(name string) *nftables.Table {
	return &nftables.Table{Name: name, Family: nftables.TableFamilyINet}
}

// make replaces the table as a whole. The mutex is held.
func (t *Table) make() error {
	// Deleting what is not there would fail, so it is made first.
	t.conn.AddTable(t.table)
	t.conn.DelTable(t.table)
	contents := &Contents{Conn: t.conn, Table: t.conn.AddTable(t.table)}
	if err := t.fill(contents); err != nil {
		t.forget()
		return err
	}
	if err := t.conn.Flush(); err != nil {
		return err
	}
	t.expected, t.rules = contents.chains, contents.rules
	return nil
}

// forget drops what was meant for a transaction. The library has no call for that but a new beginning.
func (t *Table) forget() {
	if conn, err := nftables.New(); err == nil {
		t.conn = conn
	}
}

// Renew makes the table anew after a change of what fill reads.
func (t *Table) Renew(change func()) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	change()
	return t.make()
}

// Change changes a part of the table, which fill would write the same way from then on.
func (t *Table) Change(change func(*Contents) error) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	err := change(&Contents{Conn: t.conn, Table: t.table})
	if err == nil {
		err = t.conn.Flush()
	}
	if err != nil {
		// Somebody may have changed the table under us: what is wanted is known, so all is made anew.
		t.log.Warn("rules made anew", "table", t.table.Name, "error", err)
		t.forget()
		return t.make()
	}
	return nil
}

// Remove takes the table away.
func (t *Table) Remove() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.stopWatching()
	return Remove(t.table.Name)
}

// Remove takes away a table that an earlier start may have left.
func Remove(name string) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	conn.DelTable(named(name))
	if err := conn.Flush(); !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}
