// SPDX-License-Identifier: Apache-2.0

package firewall

import (
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/google/nftables"

	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/protocol"
)

// A Firewall is kept on one device from Open to Close.
type Firewall struct {
	device string
	spec   *protocol.Firewall
	table  *nft.Table
}

// Open makes the table of the device, or makes one anew that an earlier helper has left.
func Open(device string, spec *protocol.Firewall, log *slog.Logger) (*Firewall, error) {
	f := &Firewall{device: device, spec: spec}
	var err error
	f.table, err = nft.Keep(tableName(device), log, f.fill)
	return f, err
}

// Set changes who is let in, in one step that no packet sees half of.
func (f *Firewall) Set(spec *protocol.Firewall) error {
	return f.table.Renew(func() { f.spec = spec })
}

// Close lets everybody in.
func (f *Firewall) Close() error { return f.table.Remove() }

// Remove takes away what an earlier helper may have left of a device.
func Remove(device string) error { return nft.Remove(tableName(device)) }

func tableName(device string) string { return "meshgate-" + device }

func (f *Firewall) fill(contents *nft.Contents) error {
	chain := contents.Chain("arrival", nft.Filter(nftables.ChainHookInput, int32(*nftables.ChainPriorityFilter)))
	contents.Rule(chain, fromElsewhere(f.device), nft.Accept())
	contents.Rule(chain, established, nft.Accept())
	contents.Rule(chain, echo, nft.Accept())
	contents.Rule(chain, lateAnswer, nft.Accept())
	for i, admission := range f.spec.Allow {
		for _, family := range families {
			set := &nftables.Set{Name: fmt.Sprintf("from-%d-%s", i, family.name), KeyType: family.keyType}
			sources := elements(admission.From, family)
			if len(sources) == 0 {
				continue
			}
			if err := contents.Set(set, sources); err != nil {
				return err
			}
			for _, what := range whatOf(admission, family) {
				contents.Rule(chain, nft.Family(family.ipv6), sourceIn(set, family), what, nft.Accept())
			}
		}
	}
	contents.Rule(chain, nft.Drop())
	return nil
}

func elements(from []netip.Addr, family family) (elements []nftables.SetElement) {
	for _, address := range from {
		if address.Is6() == family.ipv6 {
			elements = append(elements, nftables.SetElement{Key: address.AsSlice()})
		}
	}
	return elements
}
