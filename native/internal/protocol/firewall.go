// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"fmt"
	"net/netip"
)

// A Firewall lets in over the device what it names, and nothing else. Nil lets everything in.
type Firewall struct {
	Allow []Admission
}

// An Admission is who may reach this host, by which protocol and on which ports; no ports means all.
type Admission struct {
	From     []netip.Addr
	Protocol string
	Ports    []PortRange
}

// A PortRange holds both of its ends.
type PortRange struct {
	Low, High int
}

// The protocols that an admission can name.
const (
	ProtocolAny  = "any"
	ProtocolTCP  = "tcp"
	ProtocolUDP  = "udp"
	ProtocolICMP = "icmp"
)

// Bounds of a firewall.
const (
	AdmissionsMax        = 256
	AdmissionAddressMax  = 8192
	AdmissionPortsMax    = 16
	portMax              = 65535
	portRangeRemedy      = "give the first and the last port, such as [22, 22]"
	admissionPortsRemedy = "leave the ports out, or name tcp or udp"
)

// readFirewall may be left out, or be null: then everything is let in.
func readFirewall(d *document, root *object) *Firewall {
	tree, given := root.take("firewall")
	if !given || tree == nil {
		return nil
	}
	o, ok := d.object("firewall", tree)
	if !ok {
		return nil
	}
	firewall := &Firewall{}
	for i, admission := range o.list("allow", AdmissionsMax) {
		firewall.Allow = append(firewall.Allow, readAdmission(d, fmt.Sprintf("firewall.allow[%d]", i), admission))
	}
	o.close()
	return firewall
}

func readAdmission(d *document, field string, tree any) (admission Admission) {
	o, ok := d.object(field, tree)
	if !ok {
		return admission
	}
	for i, value := range o.list("from", AdmissionAddressMax) {
		var address netip.Addr
		o.readText(fmt.Sprintf("%s.from[%d]", field, i), value, value,
			into(&address, ParseAddress), "give the address of a peer in the mesh")
		admission.From = append(admission.From, address)
	}
	o.text("protocol", into(&admission.Protocol, parseProtocol), "give any, tcp, udp or icmp")
	for i, value := range o.list("ports", AdmissionPortsMax) {
		admission.Ports = append(admission.Ports, readPortRange(d, fmt.Sprintf("%s.ports[%d]", field, i), value))
	}
	hasPorts := admission.Protocol == ProtocolTCP || admission.Protocol == ProtocolUDP
	if len(admission.Ports) > 0 && !hasPorts {
		d.bad(field+".ports", nil, "given for a protocol that has none", admissionPortsRemedy)
	}
	o.close()
	return admission
}

func parseProtocol(text string) (string, error) {
	switch text {
	case ProtocolAny, ProtocolTCP, ProtocolUDP, ProtocolICMP:
		return text, nil
	default:
		return "", fmt.Errorf("not a protocol")
	}
}

func readPortRange(d *document, field string, tree any) (ports PortRange) {
	list, ok := tree.([]any)
	if !ok || len(list) != 2 {
		d.bad(field, tree, "not two ports", portRangeRemedy)
		return ports
	}
	ports.Low = d.readInteger(field+"[0]", list[0], 1, portMax)
	ports.High = d.readInteger(field+"[1]", list[1], 1, portMax)
	if ports.High < ports.Low {
		d.bad(field, nil, "the last port comes before the first", portRangeRemedy)
	}
	return ports
}
