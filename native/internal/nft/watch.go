// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"encoding/binary"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	headerTypeGeneration = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN)
	familySize           = 4
)

// againTime is the wait before a table is tried again after it could not be made.
const againTime = time.Second

// watch puts the table back whenever somebody else has changed nftables and ours is not whole any more.
func (t *Table) watch() error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return err
	}
	if err := conn.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		_ = conn.Close()
		return err
	}
	t.watching = conn
	go func() {
		for {
			messages, err := conn.Receive()
			if t.ended(conn) {
				return
			}
			// What was missed, because there was too much, may have been about us.
			if err == nil && !bySomebodyElse(messages) {
				continue
			}
			for !t.restore(conn) {
				time.Sleep(againTime)
			}
		}
	}()
	return nil
}

func (t *Table) ended(conn *netlink.Conn) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.watching != conn
}

// stopWatching has the mutex held.
func (t *Table) stopWatching() {
	if t.watching != nil {
		_ = t.watching.Close()
		t.watching = nil
	}
}

// bySomebodyElse looks for the end of a transaction, which says whose it was.
func bySomebodyElse(messages []netlink.Message) bool {
	for _, message := range messages {
		if message.Header.Type != headerTypeGeneration || len(message.Data) < familySize {
			continue
		}
		attributes, err := netlink.NewAttributeDecoder(message.Data[familySize:])
		if err != nil {
			return true
		}
		attributes.ByteOrder = binary.BigEndian
		ours := false
		for attributes.Next() {
			if attributes.Type() == unix.NFTA_GEN_PROC_PID {
				ours = isThreadOfOurs(int(attributes.Uint32()))
			}
		}
		if !ours {
			return true
		}
	}
	return false
}

// isThreadOfOurs asks for a thread because that is what the kernel names, though the attribute speaks of a
// process. From inside a PID namespace nothing seems to be ours, which costs a look and no more.
func isThreadOfOurs(thread int) bool { return unix.Tgkill(os.Getpid(), thread, 0) == nil }

// restore tells whether there is nothing left to do.
func (t *Table) restore(conn *netlink.Conn) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.watching != conn || t.isWhole() {
		return true
	}
	err := t.make()
	t.log.Warn("rules of nftables put back", "table", t.table.Name, "error", err)
	return err == nil
}

// isWhole counts the rules: nobody has a reason to change them one by one.
func (t *Table) isWhole() bool {
	present := 0
	for _, chain := range t.expected {
		rules, err := t.conn.GetRules(t.table, chain)
		if err != nil {
			return false
		}
		present += len(rules)
	}
	return present == t.rules
}
