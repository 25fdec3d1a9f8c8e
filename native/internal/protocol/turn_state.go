// SPDX-License-Identifier: Apache-2.0

package protocol

import "net/netip"

// TurnState is an allocation as it is.
type TurnState struct {
	ID        string `json:"id"`
	Transport string `json:"transport"`
	// State is up, connecting or failed.
	State string `json:"state"`
	// Cause is one of a closed set, and Detail says the same to a person; both are null while up.
	Cause  *string `json:"cause"`
	Detail *string `json:"detail"`
	// Relayed is where peers find this host; null unless up.
	Relayed *netip.AddrPort `json:"relayed"`
	RttUs   *int64          `json:"rttUs"`
}

// TurnChanged tells that an allocation came, went, or could not be had.
type TurnChanged struct{ TurnState }

func (TurnChanged) Method() string  { return "turn-changed" }
func (TurnChanged) Droppable() bool { return false }
