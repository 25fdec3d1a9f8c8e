// SPDX-License-Identifier: Apache-2.0

package userspace

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/moment"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// AddPeer makes a peer whose ciphertext goes to the endpoint, for good.
func (d *Device) AddPeer(peer *protocol.Peer, endpoint *bind.PeerEndpoint) (was netip.AddrPort, err error) {
	key := hexOf(peer.PublicKey)
	name := d.bind.Adopt(key, endpoint)
	config := &strings.Builder{}
	fmt.Fprintf(config, "public_key=%s\npreshared_key=%s\nendpoint=%s\n", key, hexOf(peer.PresharedKey), name)
	for _, prefix := range peer.AllowedIPs {
		fmt.Fprintf(config, "allowed_ip=%s\n", prefix)
	}
	if err := d.wireguard.IpcSet(config.String()); err != nil {
		d.bind.Forget(key)
		return was, err
	}
	// A handshake that arrives while a peer is being made may still put its own source in the
	// endpoint's place; from here on the place is ours.
	return was, d.set("public_key=%s\nupdate_only=true\nendpoint=%s\n", key, name)
}

// RemovePeer ends the session.
func (d *Device) RemovePeer(key protocol.Key) error {
	defer d.bind.Forget(hexOf(key))
	d.counting.Lock()
	delete(d.handshakes, key)
	d.counting.Unlock()
	return d.set("public_key=%s\nremove=true\n", hexOf(key))
}

// SetPresharedKey counts from the next handshake on.
func (d *Device) SetPresharedKey(peer, key protocol.Key) error {
	return d.set("public_key=%s\nupdate_only=true\npreshared_key=%s\n", hexOf(peer), hexOf(key))
}

// SetAllowedIPs changes only those that differ, so that no packet meets an empty list.
func (d *Device) SetAllowedIPs(peer protocol.Key, before, after []netip.Prefix) error {
	config := &strings.Builder{}
	fmt.Fprintf(config, "public_key=%s\nupdate_only=true\n", hexOf(peer))
	for _, prefix := range before {
		if !slices.Contains(after, prefix) {
			fmt.Fprintf(config, "allowed_ip=-%s\n", prefix)
		}
	}
	for _, prefix := range after {
		if !slices.Contains(before, prefix) {
			fmt.Fprintf(config, "allowed_ip=%s\n", prefix)
		}
	}
	return d.wireguard.IpcSet(config.String())
}

// Tally has nothing to do.
func (d *Device) Tally(protocol.Key) {}

// Counters reads those of all peers, and the port.
func (d *Device) Counters() (map[protocol.Key]tunnel.Counters, int, error) {
	d.counting.Lock()
	defer d.counting.Unlock()
	text := &bytes.Buffer{}
	if err := d.wireguard.IpcGetOperation(text); err != nil {
		return nil, 0, err
	}
	counters := map[protocol.Key]tunnel.Counters{}
	port := 0
	var peer protocol.Key
	var current tunnel.Counters
	var sec, nsec int64
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name {
		case "listen_port":
			port, _ = strconv.Atoi(value)
		case "public_key":
			_, _ = hex.Decode(peer[:], []byte(value))
			current = tunnel.Counters{}
		case "last_handshake_time_sec":
			sec, _ = strconv.ParseInt(value, 10, 64)
		case "last_handshake_time_nsec":
			nsec, _ = strconv.ParseInt(value, 10, 64)
			current.LastHandshake = d.handshakeAt(peer, sec, nsec)
		case "tx_bytes":
			current.TxBytes, _ = strconv.ParseUint(value, 10, 64)
		case "rx_bytes":
			current.RxBytes, _ = strconv.ParseUint(value, 10, 64)
			counters[peer] = current
		}
	}
	return counters, port, lines.Err()
}

// handshakeAt is when a peer's last handshake was, by wireguard-go's word; with counting held.
func (d *Device) handshakeAt(peer protocol.Key, sec, nsec int64) time.Time {
	told := time.Time{}
	if sec != 0 || nsec != 0 {
		told = time.Unix(sec, nsec)
	}
	known := d.handshakes[peer]
	if known == nil {
		known = &moment.Told{}
		d.handshakes[peer] = known
	}
	return known.Look(told, time.Now())
}
