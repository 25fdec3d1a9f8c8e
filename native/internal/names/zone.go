// SPDX-License-Identifier: Apache-2.0

// Package names answers DNS questions about the mesh's own hosts (RFC 1035), on the host itself and
// for the host itself: <host>.<network>.mesh, and back. What is of another zone goes on to the servers
// that the host had before.
package names

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"meshgate.dev/native/internal/protocol"
)

// ttlSeconds bounds for how long somebody may remember an address after its host has left. Asking
// again costs nothing: the question does not leave the host.
const ttlSeconds = 30

// A Zone is what there is to say; it never changes. All names in it are fully qualified and lower-case.
type Zone struct {
	origin    string
	addresses map[string][]netip.Addr
	// hosts are the names that addresses lead back to.
	hosts map[string]string
	// back are the zones under in-addr.arpa and ip6.arpa that the mesh's prefixes own.
	back []string
}

// NewZone takes the mesh's own prefixes as they are on the device.
func NewZone(spec *protocol.Names, prefixes []netip.Prefix) *Zone {
	zone := &Zone{
		origin:    dns.Fqdn(spec.Zone),
		addresses: map[string][]netip.Addr{},
		hosts:     map[string]string{},
	}
	for _, host := range spec.Hosts {
		name := host.Name + "." + zone.origin
		zone.addresses[name] = host.Addresses
		for _, address := range host.Addresses {
			zone.hosts[reverseName(address)] = name
		}
	}
	for _, prefix := range prefixes {
		zone.back = append(zone.back, reverseZone(prefix))
	}
	return zone
}

// Origins are the zones that this one answers for, without their final dots.
func (zone *Zone) Origins() []string {
	origins := []string{strings.TrimSuffix(zone.origin, ".")}
	for _, back := range zone.back {
		origins = append(origins, strings.TrimSuffix(back, "."))
	}
	return origins
}

// Answer fills in what the zone says to a question, and tells whether the question is the zone's at all.
func (zone *Zone) Answer(question dns.Question, reply *dns.Msg) (isOurs bool) {
	name := strings.ToLower(question.Name)
	origin := zone.originOf(name)
	if origin == "" {
		return false
	}
	reply.Authoritative = true
	records, exists := zone.records(name, question)
	reply.Answer = records
	if len(records) == 0 {
		if !exists {
			reply.Rcode = dns.RcodeNameError
		}
		// For how long the lack of it may be remembered (RFC 2308).
		reply.Ns = []dns.RR{startOfAuthority(origin)}
	}
	return true
}

func (zone *Zone) originOf(name string) string {
	for _, origin := range append([]string{zone.origin}, zone.back...) {
		if dns.IsSubDomain(origin, name) {
			return origin
		}
	}
	return ""
}

// records are those of the asked type; exists is whether the name has any.
func (zone *Zone) records(name string, question dns.Question) (records []dns.RR, exists bool) {
	header := dns.RR_Header{Name: question.Name, Class: dns.ClassINET, Ttl: ttlSeconds}
	wants := func(kind uint16) bool { return question.Qtype == kind || question.Qtype == dns.TypeANY }
	if host, known := zone.hosts[name]; known {
		if wants(dns.TypePTR) {
			header.Rrtype = dns.TypePTR
			records = append(records, &dns.PTR{Hdr: header, Ptr: host})
		}
		return records, true
	}
	for _, address := range zone.addresses[name] {
		switch {
		case address.Is4() && wants(dns.TypeA):
			header.Rrtype = dns.TypeA
			records = append(records, &dns.A{Hdr: header, A: address.AsSlice()})
		case address.Is6() && wants(dns.TypeAAAA):
			header.Rrtype = dns.TypeAAAA
			records = append(records, &dns.AAAA{Hdr: header, AAAA: address.AsSlice()})
		}
	}
	return records, zone.exists(name)
}

// exists also holds for the zones themselves, and for the empty names between them and a host's.
func (zone *Zone) exists(name string) bool {
	if _, known := zone.addresses[name]; known || name == zone.origin {
		return true
	}
	for _, back := range zone.back {
		if name == back {
			return true
		}
	}
	for host := range zone.hosts {
		if strings.HasSuffix(host, "."+name) {
			return true
		}
	}
	return false
}

func startOfAuthority(origin string) dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttlSeconds},
		Ns:  origin, Mbox: "nobody." + origin, Serial: 1,
		Refresh: 3_600, Retry: 600, Expire: 86_400, Minttl: ttlSeconds,
	}
}

func reverseName(address netip.Addr) string {
	name, err := dns.ReverseAddr(address.String())
	if err != nil {
		return ""
	}
	return name
}

// reverseZone is the smallest zone that holds all of the prefix: labels are whole bytes of IPv4, and
// half bytes of IPv6.
func reverseZone(prefix netip.Prefix) string {
	bitsPerLabel, labels := 4, 32
	if prefix.Addr().Is4() {
		bitsPerLabel, labels = 8, 4
	}
	name := reverseName(prefix.Masked().Addr())
	for range labels - prefix.Bits()/bitsPerLabel {
		_, name, _ = strings.Cut(name, ".")
	}
	return name
}
