// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"fmt"
	"net/netip"
	"time"
)

// SearchParams ask for a path to a peer where no address of either is known to work.
type SearchParams struct {
	Peer Key
	// Transaction is the agent's name for the search; nil where an older one gave none.
	Transaction *Transaction
	// Sockets are opened beside the one port; with none, probes leave from that.
	Sockets int
	// Endpoints get a probe each, or one from each socket in turn.
	Endpoints []netip.AddrPort
	PerSecond int
	Duration  time.Duration
}

// Probes is how many a whole search sends.
func (params SearchParams) Probes() int {
	if params.Sockets > 0 {
		return params.Sockets
	}
	return len(params.Endpoints)
}

// ReadSearch reads the params of `search`.
func ReadSearch(tree any) (params SearchParams, fault *Fault) {
	o := paramsObject(tree)
	params.Peer = o.key("peer")
	if _, given := o.take("transaction"); given {
		transaction := o.transaction()
		params.Transaction = &transaction
	}
	params.Sockets = o.integer("sockets", 0, SearchSocketsMax)
	given := o.list("endpoints", SearchEndpointsMax)
	if value, _ := o.take("endpoints"); value != nil && len(given) == 0 && len(o.problems) == 0 {
		o.bad("endpoints", 0, "no address", "give the addresses to ask")
	}
	for i, value := range given {
		var endpoint netip.AddrPort
		o.readText(fmt.Sprintf("endpoints[%d]", i), value, value, into(&endpoint, ParseEndpoint), "give an address and port")
		params.Endpoints = append(params.Endpoints, endpoint)
	}
	params.PerSecond = o.integer("perSecond", 1, SearchPerSecondMax)
	params.Duration = time.Duration(o.integer("durationMs", 1, SearchDurationMsMax)) * time.Millisecond
	return params, o.end()
}

// ReadStopSearch reads the params of `stop-search`.
func ReadStopSearch(tree any) (peer Key, fault *Fault) {
	o := paramsObject(tree)
	peer = o.key("peer")
	return peer, o.end()
}
