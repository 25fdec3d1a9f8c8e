// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"runtime/debug"

	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

const (
	// memoryBase is what the collector lets a busy helper have. wireguard-go keeps three batches of 128
	// buffers of 64 KiB for good, most of them never touched: below 48 MiB the collector is always busy.
	memoryBase = 56 << 20
	// memoryPerPeer is what queues and goroutines of one peer take, generously.
	memoryPerPeer = 96 << 10

	// transferBytes in one observation mean that buffers are about.
	transferBytes = 1 << 20
	// quietRounds are the observations without a transfer after which its buffers are given back.
	quietRounds = 10
)

// limitMemory must grow with the peers: a limit below what lives costs all the time there is.
func limitMemory(peers int) { debug.SetMemoryLimit(memoryBase + int64(peers)*memoryPerPeer) }

// A tide notices when transfers are over.
type tide struct {
	carried uint64
	high    bool
	quiet   int
}

// over tells that there was a transfer, and that it is over.
func (t *tide) over(counters map[protocol.Key]tunnel.Counters) bool {
	var carried uint64
	for _, peer := range counters {
		carried += peer.RxBytes + peer.TxBytes
	}
	moved := carried - t.carried
	t.carried = carried
	if int64(moved) >= transferBytes {
		t.high, t.quiet = true, 0
		return false
	}
	t.quiet++
	if !t.high || t.quiet < quietRounds {
		return false
	}
	t.high = false
	return true
}
