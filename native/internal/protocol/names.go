// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
)

// Names are the mesh's own: every host of it as <host>.<zone>, and back.
type Names struct {
	Zone  string
	Hosts []NamedHost
}

// A NamedHost is a label of the zone, with the addresses that it stands for.
type NamedHost struct {
	Name      string
	Addresses []netip.Addr
}

// Equal tells whether both say the same.
func (names *Names) Equal(other *Names) bool {
	if names == nil || other == nil {
		return names == other
	}
	return names.Zone == other.Zone && slices.EqualFunc(names.Hosts, other.Hosts, func(a, b NamedHost) bool {
		return a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses)
	})
}

// NamesState tells how the host resolves the mesh's names.
type NamesState struct {
	Zone string `json:"zone"`
	// Wiring is how the host's resolver was told; null while it was not.
	Wiring *string `json:"wiring"`
	// Problem says why names do not resolve; null while they do.
	Problem *string `json:"problem"`
}

// NamedHostsMax allows for this host, too.
const NamedHostsMax = PeersMax + 1

// namedAddressesMax is more than the two that a member has.
const namedAddressesMax = 8

// readNames may be left out: then names are nobody's business here.
func readNames(d *document, root *object) *Names {
	tree, given := root.take("names")
	if !given || tree == nil {
		return nil
	}
	o, ok := d.object("names", tree)
	if !ok {
		return nil
	}
	names := &Names{}
	o.text("zone", into(&names.Zone, parseZone), "give a name such as home.mesh")
	for i, host := range o.list("hosts", NamedHostsMax) {
		names.Hosts = append(names.Hosts, readNamedHost(d, fmt.Sprintf("names.hosts[%d]", i), host))
	}
	o.close()
	return names
}

func readNamedHost(d *document, field string, tree any) (host NamedHost) {
	o, ok := d.object(field, tree)
	if !ok {
		return host
	}
	o.text("name", into(&host.Name, parseLabel), "give a label such as alice")
	for i, value := range o.list("addresses", namedAddressesMax) {
		var address netip.Addr
		o.readText(fmt.Sprintf("%s.addresses[%d]", field, i), value, value,
			into(&address, ParseAddress), "give the host's address in the mesh")
		host.Addresses = append(host.Addresses, address)
	}
	o.close()
	return host
}

func checkNames(d *document, desired *Desired) {
	if desired.Names == nil {
		return
	}
	if desired.Device == nil {
		d.bad("names", nil, "names need a device", "give a device, or no names")
	}
	seen := map[string]bool{}
	for i, host := range desired.Names.Hosts {
		if host.Name != "" && seen[host.Name] {
			d.bad(fmt.Sprintf("names.hosts[%d].name", i), host.Name, "given twice", "give each host its own name")
		}
		seen[host.Name] = true
	}
}

var (
	label       = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	zone        = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)
	errNotLabel = errors.New("not a label of lower-case letters, digits and dashes, at most 63")
	errNotZone  = errors.New("not two or more labels of lower-case letters, digits and dashes, at most 128 bytes")
)

// zoneLengthMax leaves room for a label in front.
const zoneLengthMax = 128

func parseLabel(text string) (string, error) {
	if !label.MatchString(text) {
		return "", errNotLabel
	}
	return text, nil
}

func parseZone(text string) (string, error) {
	if len(text) > zoneLengthMax || !zone.MatchString(text) {
		return "", errNotZone
	}
	return text, nil
}
