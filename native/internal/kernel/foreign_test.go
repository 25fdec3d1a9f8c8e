// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

func TestAChecksumMakesTheSumOfAllWordsAllOnes(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 148, 1280} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(i * 7)
		}
		addresses := slices.Concat(netip.MustParseAddr("2001:db8::1").AsSlice(), netip.IPv6Loopback().AsSlice())
		segment := make([]byte, sizeUDP+size)
		putUDP(segment, 41820, 51820, payload)
		binary.BigEndian.PutUint16(segment[6:], checksum(addresses, segment))
		if again := checksum(addresses, segment); again != 0xffff {
			t.Errorf("%d bytes: the sum with its checksum is %#x", size, again)
		}
	}
}

func TestOnlyPrefixesThatAreNotWantedAnyMoreAreTakenAway(t *testing.T) {
	kept, gone := netip.MustParsePrefix("10.7.0.2/32"), netip.MustParsePrefix("fd12::/64")
	if changes := takeAway(ipNets([]netip.Prefix{kept}), []netip.Prefix{kept}); changes != nil {
		t.Errorf("changes %v", changes)
	}
	changes := takeAway(ipNets([]netip.Prefix{kept, gone}), []netip.Prefix{kept})
	if len(changes) != 2 || prefixOf(changes[0].AllowedIPs[0]) != gone || !changes[1].Remove || changes[0].PublicKey == (wgtypes.Key{}) {
		t.Errorf("changes %+v", changes)
	}
}
