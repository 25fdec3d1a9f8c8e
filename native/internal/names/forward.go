// SPDX-License-Identifier: Apache-2.0

package names

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// upstreamTime is how long one server may take; what asks us gives up after about five seconds.
const upstreamTime = 1_500 * time.Millisecond

// forward asks the servers that the host had before, one after the other, in the way that we were asked.
// If none answers, `otherwise` says so.
func forward(asked *dns.Msg, upstreams []netip.AddrPort, network string, otherwise *dns.Msg) *dns.Msg {
	client := &dns.Client{Net: network, Timeout: upstreamTime, UDPSize: dns.MaxMsgSize}
	for _, upstream := range upstreams {
		reply, _, err := client.Exchange(asked, upstream.String())
		if err == nil {
			return reply
		}
	}
	otherwise.Rcode = dns.RcodeServerFailure
	if len(upstreams) == 0 {
		// Whoever has other servers asks these next.
		otherwise.Rcode = dns.RcodeRefused
	}
	return otherwise
}
