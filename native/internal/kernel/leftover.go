// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"meshgate.dev/native/internal/iface"
	"meshgate.dev/native/internal/portshare"
	"meshgate.dev/native/internal/tunnel"
)

// claim keeps other helpers off the interface. The name belongs to the network namespace, as the
// interface does, and goes with the process.
func claim(name string) (net.Listener, error) {
	claimed, err := net.Listen("unix", "@meshgate-device-"+name)
	if err != nil {
		return nil, fmt.Errorf("another helper keeps %s: %w", name, tunnel.ErrNameTaken)
	}
	return claimed, nil
}

// findOrMake never takes over what is not ours, which is what the alias tells.
func findOrMake(name string) (link netlink.Link, adopted bool, err error) {
	link, err = iface.Find(name)
	if err != nil {
		return nil, false, err
	}
	if link != nil {
		if !iface.IsOurs(link) {
			return nil, true, fmt.Errorf("%s: %w", name, tunnel.ErrNameTaken)
		}
		return link, true, nil
	}
	if err := netlink.LinkAdd(newLink(name)); err != nil {
		return nil, false, fmt.Errorf("making %s: %w", name, err)
	}
	link, err = netlink.LinkByName(name)
	if err == nil {
		err = iface.MakeOurs(link)
	}
	return link, false, err
}

// RemoveLeftover takes away what a helper on this engine has left that was killed, for one on another
// engine: it can go on with none of that, and the rules would lead its packets to a socket that is gone.
func RemoveLeftover(name string) error {
	claimed, err := claim(name)
	if err != nil {
		return err
	}
	defer func() { _ = claimed.Close() }()
	// A kernel without nftables has no rules.
	_ = portshare.Remove(name)
	link, err := iface.Find(name)
	if err != nil || link == nil || !iface.IsOurs(link) {
		return err
	}
	return netlink.LinkDel(link)
}
