// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"

	"meshgate.dev/native/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

const name = "meshgate-test/one"

// keep makes a table that drops what comes to one port.
func keep(t *testing.T, port *uint16) *Table {
	t.Helper()
	nstest.Need(t)
	table, err := Keep(name, slog.New(slog.DiscardHandler), func(contents *Contents) error {
		if *port == 0 {
			return errors.New("no port")
		}
		chain := contents.Chain("in", Filter(nftables.ChainHookInput, 0))
		contents.Rule(chain, Protocol(17), Port(Destination, *port), Drop())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Remove(); err != nil {
			t.Error(err)
		}
	})
	return table
}

func rules(t *testing.T) string {
	t.Helper()
	return nstest.Run(t, "nft -n list ruleset")
}

func has(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(rules(t), want); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %q in\n%s", want, rules(t))
		}
	}
}

func TestATableThatSomebodyFlushesIsBackAtOnce(t *testing.T) {
	port := uint16(7)
	keep(t, &port)
	for _, line := range []string{
		"flush ruleset", "delete table inet " + name, "flush chain inet " + name + " in",
		// A reload of the host's own firewall does both in one transaction.
		"flush ruleset; add table inet theirs",
	} {
		nstest.Run(t, "nft '%s'", line)
		has(t, "udp dport 7")
	}
	nstest.Run(t, "nft delete table inet theirs")
}

func TestARenewedTableHasWhatItIsFilledWithThenAndNothingElse(t *testing.T) {
	port := uint16(7)
	table := keep(t, &port)
	if err := table.Renew(func() { port = 8 }); err != nil {
		t.Fatal(err)
	}
	if text := rules(t); !strings.Contains(text, "udp dport 8") || strings.Contains(text, "udp dport 7") {
		t.Errorf("the rules are\n%s", text)
	}
}

func TestWhatCannotBeFilledLeavesTheTableAsItWas(t *testing.T) {
	port := uint16(7)
	table := keep(t, &port)
	if err := table.Renew(func() { port = 0 }); err == nil {
		t.Error("no error")
	}
	has(t, "udp dport 7")
	if err := table.Renew(func() { port = 9 }); err != nil {
		t.Fatal(err)
	}
	if text := rules(t); strings.Count(text, "dport") != 1 || !strings.Contains(text, "udp dport 9") {
		t.Errorf("the rules are\n%s", text)
	}
}

func TestAChangeThatTheKernelRefusesMakesTheTableAnew(t *testing.T) {
	port := uint16(7)
	table := keep(t, &port)
	missing := &nftables.Set{Name: "missing", KeyType: nftables.TypeIPAddr}
	if err := table.Change(func(contents *Contents) error {
		port, missing.Table = 8, contents.Table
		return contents.Conn.SetAddElements(missing, []nftables.SetElement{{Key: []byte{192, 0, 2, 1}}})
	}); err != nil {
		t.Fatal(err)
	}
	has(t, "udp dport 8")
}

func TestARemovedTableStaysAwayAndOthersAreLeftAlone(t *testing.T) {
	port := uint16(7)
	table := keep(t, &port)
	nstest.Run(t, "nft add table inet meshgate-test && nft add table inet meshgate-test/two")
	for range 2 {
		if err := table.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	nstest.Run(t, "nft add table inet theirs")
	if text := rules(t); strings.Contains(text, name) || strings.Count(text, "table inet") != 3 {
		t.Errorf("the rules are\n%s", text)
	}
	nstest.Run(t, "nft flush ruleset")
}
