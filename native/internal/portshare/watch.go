// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const headerTypeGeneration = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN)

// againTime is the wait before the rules are tried again after they could not be made.
const againTime = time.Second

// watch puts the rules back whenever somebody else has changed nftables and ours are not whole any more.
func (share *Share) watch() error {
	conn, err := dial()
	if err != nil {
		return err
	}
	if err := conn.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		_ = conn.Close()
		return err
	}
	share.watching = conn
	go func() {
		for {
			messages, err := conn.Receive()
			if share.ended(conn) {
				return
			}
			// What was missed, because there was too much, may have been about us.
			if err == nil && !bySomebodyElse(messages) {
				continue
			}
			for !share.restore(conn) {
				time.Sleep(againTime)
			}
		}
	}()
	return nil
}

func (share *Share) ended(conn *netlink.Conn) bool {
	share.mutex.Lock()
	defer share.mutex.Unlock()
	return share.watching != conn
}

// stopWatching has the mutex held.
func (share *Share) stopWatching() {
	if share.watching != nil {
		_ = share.watching.Close()
		share.watching = nil
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
				ours = attributes.Uint32() == uint32(os.Getpid())
			}
		}
		if !ours {
			return true
		}
	}
	return false
}

// restore tells whether there is nothing left to do.
func (share *Share) restore(conn *netlink.Conn) bool {
	share.mutex.Lock()
	defer share.mutex.Unlock()
	if share.watching != conn || share.isWhole() {
		return true
	}
	err := share.install()
	share.log.Warn("rules of nftables put back", "table", share.table.Name, "error", err)
	return err == nil
}

// isWhole counts the rules: nobody has a reason to change them one by one.
func (share *Share) isWhole() bool {
	present := 0
	for _, chain := range share.chains() {
		rules, err := share.conn.GetRules(share.table, chain)
		if err != nil {
			return false
		}
		present += len(rules)
	}
	return present == share.expected
}
