// SPDX-License-Identifier: Apache-2.0

package link

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"meshgate.dev/native/internal/protocol"
)

func TestWhatIsATunnel(t *testing.T) {
	for _, example := range []struct {
		entry netlink.Link
		want  bool
	}{
		{&netlink.Wireguard{}, true},
		{&netlink.Tuntap{Mode: netlink.TUNTAP_MODE_TUN}, true},
		{&netlink.Tuntap{Mode: netlink.TUNTAP_MODE_TAP}, false},
		{&netlink.Sittun{}, true},
		{&netlink.Vxlan{}, true},
		{&netlink.GenericLink{LinkType: "ovpn"}, true},
		{&netlink.GenericLink{LinkType: "ppp"}, false},
		{&netlink.Device{}, false},
		{&netlink.Veth{}, false},
		{&netlink.Bridge{}, false},
	} {
		if got := isTunnel(example.entry); got != example.want {
			t.Errorf("a device of kind %q is a tunnel: %v", example.entry.Type(), got)
		}
	}
}

func TestMarkSpares(t *testing.T) {
	for _, example := range []struct {
		name string
		// Links by their index.
		tunnels, ways, want []int
	}{
		{name: "no way out"},
		{name: "one uplink", ways: []int{1}},
		{name: "a second one", ways: []int{1, 2}, want: []int{2}},
		{name: "two more, and two ways over one", ways: []int{2, 1, 2, 3}, want: []int{1, 3}},
		{name: "a tunnel behind", tunnels: []int{3}, ways: []int{1, 2, 3}, want: []int{2}},
		{name: "a tunnel in front", tunnels: []int{1}, ways: []int{1, 2}},
	} {
		links, ways := []protocol.Link{}, []netlink.Route{}
		for index := 1; index <= 3; index++ {
			address := netip.AddrFrom4([4]byte{192, 0, 2, byte(index)})
			links = append(links, protocol.Link{
				Index: index, Addresses: []netip.Prefix{netip.PrefixFrom(address, 24)}, Tunnel: slices.Contains(example.tunnels, index),
			})
		}
		for _, index := range example.ways {
			ways = append(ways, netlink.Route{LinkIndex: index})
		}
		markSpares(links, ways, netlink.FAMILY_V4)
		var got []int
		for _, link := range links {
			if len(link.Spares) > 0 {
				got = append(got, link.Index)
			}
		}
		if !slices.Equal(got, example.want) {
			t.Errorf("%s: spares of %v, want %v", example.name, got, example.want)
		}
	}
}
