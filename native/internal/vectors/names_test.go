// SPDX-License-Identifier: Apache-2.0

package vectors

func namesExamples() []desiredExample {
	host := func(name string, addresses ...any) object {
		return object{"name": name, "addresses": list(addresses...)}
	}
	names := func(zone any, hosts ...any) []change {
		return []change{{at("names"), object{"zone": zone, "hosts": list(hosts...)}}}
	}
	return []desiredExample{
		{Name: "no names", Changes: []change{{at("names"), nil}}},
		{Name: "names of the mesh", Changes: names("home.mesh", host("alice", "10.7.0.1", "fd12:3456:789a::1"), host("bob", "10.7.0.2"))},
		{Name: "a host without addresses", Changes: names("home.mesh", host("alice"))},
		{Name: "a zone of the whole world", Changes: names("mesh"), Fields: []string{"names.zone"}},
		{Name: "a zone with a final dot", Changes: names("home.mesh."), Fields: []string{"names.zone"}},
		{Name: "names that are no labels", Changes: names("home.mesh", host("Alice"), host("a.b"), host("-a"), host("")),
			Fields: []string{"names.hosts[0].name", "names.hosts[1].name", "names.hosts[2].name", "names.hosts[3].name"}},
		{Name: "a name twice", Changes: names("home.mesh", host("alice"), host("alice")), Fields: []string{"names.hosts[1].name"}},
		{Name: "addresses that are none", Changes: names("home.mesh", host("alice", "10.7.0.1/32", 7)),
			Fields: []string{"names.hosts[0].addresses[0]", "names.hosts[0].addresses[1]"}},
		{Name: "names that are no object", Changes: []change{{at("names"), list()}}, Fields: []string{"names"}},
		{Name: "names and no device", Changes: append(names("home.mesh"), change{at("device"), nil}, change{at("peers"), list()}, change{at("routes"), list()}),
			Fields: []string{"names"}},
	}
}
