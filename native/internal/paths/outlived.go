// SPDX-License-Identifier: Apache-2.0

package paths

import (
	"net/netip"

	"meshgate.dev/native/internal/protocol"
)

// Begin tells where the peer's packets leave for already, because an earlier helper has seen to that. The
// path that leads there is used until one has answered, or until that one has not in time.
func (prober *Prober) Begin(endpoint netip.AddrPort) { prober.begun = endpoint }

func (prober *Prober) outlived() *path {
	for _, p := range prober.paths {
		straight := p.spec.Kind == protocol.KindDirect && p.spec.Socket == 0 && !p.spec.Source.IsValid()
		if straight && prober.begun.IsValid() && p.spec.Endpoint == prober.begun && p.phase != down {
			return p
		}
	}
	return nil
}
