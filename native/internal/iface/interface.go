// SPDX-License-Identifier: Apache-2.0

// Package iface is the kernel's side of the device: its addresses, its MTU and the routes over it.
// It compares with what is, and touches only what differs.
package iface

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/dump"
)

// addrGenModeNone is the kernel's IN6_ADDR_GEN_MODE_NONE: no link-local address.
const addrGenModeNone = 1

// Find gives the interface of this name, or nil if there is none.
func Find(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	return link, err
}

// An Interface is the device as the kernel sees it.
type Interface struct {
	index     int
	ipv6      bool
	addresses []netip.Prefix
}

// Open finds the device. One that has outlived its helper has addresses that are ours.
func Open(name string, outlived bool) (*Interface, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	// Nobody answers router solicitations in a mesh. A kernel that cannot leave them out merely says more.
	_ = netlink.LinkSetIP6AddrGenMode(link, addrGenModeNone)
	opened := &Interface{index: link.Attrs().Index, ipv6: enableIPv6(name)}
	if outlived {
		if opened.addresses, err = addressesOf(link); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

// Delete takes an interface away, whoever holds it open, and does nothing if it is gone.
func Delete(name string) {
	if link, err := netlink.LinkByName(name); err == nil {
		_ = netlink.LinkDel(link)
	}
}

// HasIPv6 tells whether the interface can have IPv6 addresses.
func (i *Interface) HasIPv6() bool { return i.ipv6 }

// Index is the kernel's number of the interface.
func (i *Interface) Index() int { return i.index }

// Settle sets MTU and addresses and brings the interface up, and tells what it changed. Addresses
// that somebody else added stay.
func (i *Interface) Settle(mtu int, addresses []netip.Prefix) (changed []string, err error) {
	link, err := netlink.LinkByIndex(i.index)
	if err != nil {
		return nil, err
	}
	if link.Attrs().MTU != mtu {
		if err := netlink.LinkSetMTU(link, mtu); err != nil {
			return changed, fmt.Errorf("MTU %d: %w", mtu, err)
		}
		changed = append(changed, fmt.Sprintf("device mtu %d", mtu))
	}
	if link.Attrs().Flags&net.FlagUp == 0 {
		if err := netlink.LinkSetUp(link); err != nil {
			return changed, fmt.Errorf("bringing it up: %w", err)
		}
		changed = append(changed, "device up")
	}
	more, err := i.settleAddresses(link, onlyUsable(addresses, i.ipv6))
	return append(changed, more...), err
}

func (i *Interface) settleAddresses(link netlink.Link, wanted []netip.Prefix) (changed []string, err error) {
	present, err := addressesOf(link)
	if err != nil {
		return nil, err
	}
	for _, prefix := range i.addresses {
		if slices.Contains(wanted, prefix) || !slices.Contains(present, prefix) {
			continue
		}
		if err := netlink.AddrDel(link, address(prefix)); err != nil {
			return changed, fmt.Errorf("address %s: %w", prefix, err)
		}
		changed = append(changed, fmt.Sprintf("address del %s", prefix))
	}
	for _, prefix := range wanted {
		if slices.Contains(present, prefix) {
			continue
		}
		if err := netlink.AddrAdd(link, address(prefix)); err != nil {
			return changed, fmt.Errorf("address %s: %w", prefix, err)
		}
		changed = append(changed, fmt.Sprintf("address add %s", prefix))
	}
	i.addresses = slices.Clone(wanted)
	return changed, nil
}

func addressesOf(link netlink.Link) ([]netip.Prefix, error) {
	list, err := dump.Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, entry := range list {
		if prefix, ok := prefixOf(entry.IPNet); ok {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes, nil
}

func prefixOf(ipNet *net.IPNet) (netip.Prefix, bool) {
	if ipNet == nil {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(ipNet.IP)
	bits, _ := ipNet.Mask.Size()
	return netip.PrefixFrom(ip.Unmap(), bits), ok
}

// address skips duplicate detection: keys decide who an address belongs to in a mesh.
func address(prefix netip.Prefix) *netlink.Addr {
	entry := &netlink.Addr{IPNet: ipNet(prefix)}
	if prefix.Addr().Is6() {
		entry.Flags = unix.IFA_F_NODAD
	}
	return entry
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	ip := prefix.Addr()
	return &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(prefix.Bits(), ip.BitLen())}
}
