// SPDX-License-Identifier: Apache-2.0

package names

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"meshgate.dev/native/internal/protocol"
)

func sampleZone() *Zone {
	spec := &protocol.Names{Zone: "home.mesh", Hosts: []protocol.NamedHost{
		{Name: "alice", Addresses: []netip.Addr{netip.MustParseAddr("10.7.0.2"), netip.MustParseAddr("fd12:3456:789a::2")}},
		{Name: "bob", Addresses: []netip.Addr{netip.MustParseAddr("10.7.0.3")}},
	}}
	return NewZone(spec, []netip.Prefix{netip.MustParsePrefix("10.7.0.1/16"), netip.MustParsePrefix("fd12:3456:789a::1/48")})
}

func TestAZoneAnswersForItsHostsAndBack(t *testing.T) {
	const aliceBack = "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa."
	for _, example := range []struct {
		name    string
		kind    uint16
		want    []string
		rcode   int
		foreign bool
	}{
		{name: "alice.home.mesh.", kind: dns.TypeA, want: []string{"10.7.0.2"}},
		{name: "Alice.HOME.mesh.", kind: dns.TypeA, want: []string{"10.7.0.2"}},
		{name: "alice.home.mesh.", kind: dns.TypeAAAA, want: []string{"fd12:3456:789a::2"}},
		{name: "alice.home.mesh.", kind: dns.TypeANY, want: []string{"10.7.0.2", "fd12:3456:789a::2"}},
		{name: "alice.home.mesh.", kind: dns.TypeMX},
		{name: "bob.home.mesh.", kind: dns.TypeAAAA},
		{name: "carol.home.mesh.", kind: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "www.alice.home.mesh.", kind: dns.TypeA, rcode: dns.RcodeNameError},
		{name: "home.mesh.", kind: dns.TypeA},
		{name: "2.0.7.10.in-addr.arpa.", kind: dns.TypePTR, want: []string{"alice.home.mesh."}},
		{name: "2.0.7.10.in-addr.arpa.", kind: dns.TypeA},
		{name: "0.7.10.in-addr.arpa.", kind: dns.TypePTR},
		{name: "9.0.7.10.in-addr.arpa.", kind: dns.TypePTR, rcode: dns.RcodeNameError},
		{name: aliceBack, kind: dns.TypePTR, want: []string{"alice.home.mesh."}},
		{name: "mesh.", kind: dns.TypeA, foreign: true},
		{name: "alice.home.mesh.example.", kind: dns.TypeA, foreign: true},
		{name: "ahome.mesh.", kind: dns.TypeA, foreign: true},
		{name: "1.0.8.10.in-addr.arpa.", kind: dns.TypePTR, foreign: true},
		{name: ".", kind: dns.TypeNS, foreign: true},
	} {
		reply := new(dns.Msg)
		question := dns.Question{Name: example.name, Qtype: example.kind, Qclass: dns.ClassINET}
		if isOurs := sampleZone().Answer(question, reply); isOurs == example.foreign {
			t.Errorf("%s: ours %t", example.name, isOurs)
		}
		if got := dataOf(reply.Answer); !slices.Equal(got, example.want) || reply.Rcode != example.rcode {
			t.Errorf("%s %s: %v, code %d; want %v, code %d",
				example.name, dns.TypeToString[example.kind], got, reply.Rcode, example.want, example.rcode)
		}
		if !example.foreign && len(reply.Answer) == 0 && len(reply.Ns) != 1 {
			t.Errorf("%s: nothing says for how long the lack of it may be remembered", example.name)
		}
	}
}

func dataOf(records []dns.RR) (data []string) {
	for _, record := range records {
		switch record := record.(type) {
		case *dns.A:
			data = append(data, record.A.String())
		case *dns.AAAA:
			data = append(data, record.AAAA.String())
		case *dns.PTR:
			data = append(data, record.Ptr)
		}
	}
	return data
}

func TestTheZonesForAddressesAreTheSmallestThatHoldThePrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"10.7.0.1/16":          "7.10.in-addr.arpa.",
		"10.7.0.1/20":          "7.10.in-addr.arpa.",
		"10.7.9.1/24":          "9.7.10.in-addr.arpa.",
		"fd12:3456:789a::1/48": "a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa.",
	} {
		if got := reverseZone(netip.MustParsePrefix(prefix)); got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}
