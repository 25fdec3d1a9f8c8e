// SPDX-License-Identifier: Apache-2.0

package names

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"meshgate.dev/native/internal/fdstore"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// serve starts a server on the loopback address, which is its own.
func serve(t *testing.T, upstreams ...netip.AddrPort) (*Server, string) {
	t.Helper()
	server, err := Listen(t.Context(), []netip.Addr{loopback}, sampleZone(), &fdstore.Store{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.Forward(upstreams)
	return server, netip.AddrPortFrom(loopback, server.Port()).String()
}

func ask(t *testing.T, network, at, name string) *dns.Msg {
	t.Helper()
	question := new(dns.Msg)
	question.SetQuestion(name, dns.TypeA)
	reply, _, err := (&dns.Client{Net: network}).Exchange(question, at)
	if err != nil {
		t.Fatalf("%s over %s: %v", name, network, err)
	}
	return reply
}

func TestAServerAnswersOverBothTransports(t *testing.T) {
	_, at := serve(t)
	for _, network := range []string{"udp", "tcp"} {
		reply := ask(t, network, at, "alice.home.mesh.")
		if got := dataOf(reply.Answer); !slices.Equal(got, []string{"10.7.0.2"}) || !reply.Authoritative {
			t.Errorf("%s: %v", network, reply)
		}
	}
}

func TestOtherNamesAreAskedOfTheServersThatTheHostHad(t *testing.T) {
	elsewhere := func(to dns.ResponseWriter, asked *dns.Msg) {
		reply := new(dns.Msg).SetReply(asked)
		record, _ := dns.NewRR("example.org. 60 IN A 198.51.100.80")
		reply.Answer = []dns.RR{record}
		_ = to.WriteMsg(reply)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	upstream := &Server{}
	upstream.start(&dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(elsewhere)})
	t.Cleanup(upstream.Close)
	dead := netip.MustParseAddrPort("127.0.0.1:1")
	_, at := serve(t, dead, netip.MustParseAddrPort(packets.LocalAddr().String()))
	if got := dataOf(ask(t, "udp", at, "example.org.").Answer); !slices.Equal(got, []string{"198.51.100.80"}) {
		t.Errorf("forwarded: %v", got)
	}
}

func TestWithoutOtherServersOtherNamesAreRefused(t *testing.T) {
	_, at := serve(t)
	if reply := ask(t, "udp", at, "example.org."); reply.Rcode != dns.RcodeRefused {
		t.Errorf("code %d", reply.Rcode)
	}
	_, deaf := serve(t, netip.MustParseAddrPort("127.0.0.1:1"))
	if reply := ask(t, "udp", deaf, "example.org."); reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("with a dead server: code %d", reply.Rcode)
	}
}

func TestNobodyElseIsAnswered(t *testing.T) {
	// From 127.0.0.1, whichever loopback address is asked.
	server, err := Listen(t.Context(), []netip.Addr{netip.MustParseAddr("127.0.0.9")}, sampleZone(), &fdstore.Store{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	question := new(dns.Msg).SetQuestion("alice.home.mesh.", dns.TypeA)
	client := &dns.Client{Timeout: 100 * time.Millisecond}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), server.Port())
	if reply, _, err := client.Exchange(question, at.String()); err == nil {
		t.Errorf("a stranger was told %v", reply)
	}
}
