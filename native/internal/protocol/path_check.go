// SPDX-License-Identifier: Apache-2.0

package protocol

import "fmt"

// checkHubs finds paths over hubs that cannot be: frames leave over the first hub's own direct path,
// so that it has to be another peer; the second one is the first one's to find.
func checkHubs(d *document, desired *Desired) {
	peers := map[Key]bool{}
	for _, peer := range desired.Peers {
		peers[peer.PublicKey] = true
	}
	own := Key{}
	if desired.Device != nil {
		own = PublicKey(desired.Device.PrivateKey)
	}
	for i, peer := range desired.Peers {
		for j, path := range peer.Paths {
			for k, hub := range path.Via {
				if hub == (Key{}) {
					continue
				}
				if problem := badHub(path.Via[:k], hub, own, peer.PublicKey, peers[hub]); problem != "" {
					d.bad(fmt.Sprintf("peers[%d].paths[%d].via[%d]", i, j, k), hub.String(), problem,
						"give another member, and the first one as a peer, too")
				}
			}
		}
	}
}

func badHub(before []Key, hub, own, destination Key, isPeer bool) string {
	switch {
	case hub == own:
		return "is this host"
	case hub == destination:
		return "is the peer itself"
	case len(before) == 0 && !isPeer:
		return "is not a peer of this document"
	case len(before) > 0 && hub == before[0]:
		return "is the first hub again"
	}
	return ""
}
