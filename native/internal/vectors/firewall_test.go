// SPDX-License-Identifier: Apache-2.0

package vectors

// firewallExamples are documents with a firewall, good and bad.
func firewallExamples() []desiredExample {
	allow := func(entries ...any) []change { return []change{{at("firewall"), object{"allow": list(entries...)}}} }
	entry := func(changes object) object {
		all := object{"from": list("10.7.0.2", "fd12:3456:789a::2"), "protocol": "tcp", "ports": list(list(22, 22), list(8000, 8100))}
		for key, value := range changes {
			all[key] = value
		}
		return all
	}
	return []desiredExample{
		{Name: "a firewall that lets nobody in", Changes: allow()},
		{Name: "a firewall that is null", Changes: []change{{at("firewall"), nil}}},
		{Name: "a firewall with ports", Changes: allow(entry(object{}))},
		{Name: "a firewall by protocol alone", Changes: allow(entry(object{"protocol": "icmp", "ports": list()}), entry(object{"protocol": "any", "ports": list()}))},
		{Name: "a firewall with ports of ICMP", Changes: allow(entry(object{"protocol": "icmp"})), Fields: []string{"firewall.allow[0].ports"}},
		{Name: "a firewall with a protocol that is none", Changes: allow(entry(object{"protocol": "sctp", "ports": list()})), Fields: []string{"firewall.allow[0].protocol"}},
		{Name: "a firewall with a source that is none", Changes: allow(entry(object{"from": list("10.7.0.0/16")})), Fields: []string{"firewall.allow[0].from[0]"}},
		{Name: "a firewall with a port that is none", Changes: allow(entry(object{"ports": list(list(0, 70_000))})), Fields: []string{"firewall.allow[0].ports[0][0]", "firewall.allow[0].ports[0][1]"}},
		{Name: "a firewall with ports backwards", Changes: allow(entry(object{"ports": list(list(9, 8))})), Fields: []string{"firewall.allow[0].ports[0]"}},
		{Name: "a firewall with one port", Changes: allow(entry(object{"ports": list(list(9))})), Fields: []string{"firewall.allow[0].ports[0]"}},
		{Name: "a firewall with a key that nobody knows", Changes: []change{{at("firewall"), object{"allow": list(), "deny": list()}}}, Fields: []string{"firewall.deny"}},
	}
}
