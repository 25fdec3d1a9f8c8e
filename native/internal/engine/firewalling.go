// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"reflect"

	"meshgate.dev/native/internal/firewall"
	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/protocol"
)

// firewalling is what was last made of the table. A helper that was killed may have left one behind, so nothing is known at first.
type firewalling struct {
	known  bool
	device string
	spec   *protocol.Firewall
	kept   *firewall.Firewall
}

// convergeFirewall comes before new peers: nobody is let in who is about to be shut out.
func (e *Engine) convergeFirewall(device string, wanted *protocol.Firewall, note noter) error {
	held := &e.firewalling
	if held.known && held.device == device && reflect.DeepEqual(held.spec, wanted) {
		return nil
	}
	// A kernel without nftables filters nothing, and nothing is what is wanted.
	if err := e.settleFirewall(device, wanted); err != nil && wanted != nil {
		if errors.Is(err, nft.ErrMissing) {
			return fmt.Errorf("the access policy cannot be kept, so nobody is let in: %w", err)
		}
		return fmt.Errorf("firewall: %w", err)
	}
	hadNone := !held.known || held.spec == nil
	held.known, held.device, held.spec = true, device, wanted
	switch {
	case wanted != nil:
		note("firewall allow %d", len(wanted.Allow))
	case !hadNone:
		note("firewall none")
	}
	return nil
}

func (e *Engine) settleFirewall(device string, wanted *protocol.Firewall) (err error) {
	held := &e.firewalling
	switch {
	case wanted != nil && held.kept != nil:
		return held.kept.Set(wanted)
	case wanted != nil:
		var opened *firewall.Firewall
		if opened, err = firewall.Open(device, wanted, e.log); err == nil {
			held.kept = opened
		}
		return err
	case held.kept != nil:
		err = held.kept.Close()
		held.kept = nil
		return err
	}
	return firewall.Remove(device)
}

func (e *Engine) removeFirewall() {
	if e.firewalling.kept != nil {
		if err := e.firewalling.kept.Close(); err != nil {
			e.log.Warn("firewall not removed", "error", err)
		}
	}
	e.firewalling = firewalling{}
}
