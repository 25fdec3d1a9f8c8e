// SPDX-License-Identifier: Apache-2.0

package firewall

import (
	"testing"

	"github.com/google/nftables/expr"

	"meshgate.dev/native/internal/protocol"
)

func TestEachRangeOfPortsIsARuleOfItsOwn(t *testing.T) {
	admission := protocol.Admission{Protocol: protocol.ProtocolTCP, Ports: []protocol.PortRange{{Low: 22, High: 22}, {Low: 8000, High: 8100}}}
	parts := whatOf(admission, families[0])
	if len(parts) != 2 {
		t.Fatalf("%d parts, want 2", len(parts))
	}
	ports, ok := parts[1][len(parts[1])-1].(*expr.Range)
	if !ok || ports.FromData[0] != 8000>>8 || ports.ToData[1] != 8100&0xff {
		t.Errorf("the second range is %v", ports)
	}
	// The two must not share memory: appending to one would change the other.
	if &parts[0][0] == &parts[1][0] {
		t.Error("two rules share their conditions")
	}
}

func TestWithoutPortsThereIsOneRule(t *testing.T) {
	for _, proto := range []string{protocol.ProtocolAny, protocol.ProtocolICMP, protocol.ProtocolUDP} {
		if parts := whatOf(protocol.Admission{Protocol: proto}, families[1]); len(parts) != 1 {
			t.Errorf("%s: %d parts, want 1", proto, len(parts))
		}
	}
}

func TestICMPIsTheFamilysOwn(t *testing.T) {
	for i, want := range []byte{1, 58} {
		parts := whatOf(protocol.Admission{Protocol: protocol.ProtocolICMP}, families[i])
		if compare, ok := parts[0][1].(*expr.Cmp); !ok || compare.Data[0] != want {
			t.Errorf("%s: %v, want protocol %d", families[i].name, parts[0][1], want)
		}
	}
}

func TestAnInterfaceNameIsMatchedAsAWhole(t *testing.T) {
	compare, ok := fromElsewhere("meshgate0")[1].(*expr.Cmp)
	if !ok || len(compare.Data) != 16 || compare.Data[9] != 0 {
		t.Errorf("the name is %v", compare)
	}
}
