// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"fmt"
	"net/netip"
)

// ReadDesired turns a document into what is desired, or says everything that is wrong with it.
func ReadDesired(tree any) (*Desired, []Problem) {
	d := &document{}
	desired := &Desired{}
	root, ok := d.object("", tree)
	if !ok {
		return nil, d.problems
	}
	if device, given := root.need("device"); given && device != nil {
		desired.Device = readDevice(d, device)
	}
	desired.Turn = readTurn(d, root)
	desired.Firewall = readFirewall(d, root)
	for i, route := range root.list("routes", RoutesMax) {
		desired.Routes = append(desired.Routes, readRoute(d, fmt.Sprintf("routes[%d]", i), route))
	}
	for i, peer := range root.list("peers", PeersMax) {
		desired.Peers = append(desired.Peers, readPeer(d, fmt.Sprintf("peers[%d]", i), peer))
	}
	if _, given := root.take("lateFrom"); given {
		desired.LateFrom = readPrefixes(root, "", "lateFrom")
	}
	desired.Names = readNames(d, root)
	root.close()
	checkDesired(d, desired)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return desired, nil
}

func readDevice(d *document, tree any) *Device {
	o, ok := d.object("device", tree)
	if !ok {
		return nil
	}
	device := &Device{}
	o.text("name", into(&device.Name, parseInterfaceName), "choose a name such as meshgate0")
	device.MTU = o.integer("mtu", MTUMin, MTUMax)
	device.ListenPort = o.integer("listenPort", 0, 65535)
	device.PrivateKey = o.secretKey("privateKey")
	device.ProbeKey = o.secretKey("probeKey")
	for i, value := range o.list("addresses", AddressesMax) {
		var prefix netip.Prefix
		o.readText(fmt.Sprintf("device.addresses[%d]", i), value, value,
			into(&prefix, parseInterfacePrefix), "give an address with its length, such as 10.7.0.1/16")
		device.Addresses = append(device.Addresses, prefix)
	}
	device.StunServer = o.boolean("stunServer")
	device.Relay = o.boolean("relay")
	o.close()
	return device
}

func readRoute(d *document, field string, tree any) (route Route) {
	o, ok := d.object(field, tree)
	if !ok {
		return route
	}
	o.text("destination", into(&route.Destination, parseNetworkPrefix), "give a prefix such as 10.9.0.0/16")
	route.MTU = o.optionalInteger("mtu", MTUMin, MTUMax, 0)
	o.close()
	return route
}

func readPeer(d *document, field string, tree any) (peer Peer) {
	o, ok := d.object(field, tree)
	if !ok {
		return peer
	}
	peer.PublicKey = o.key("publicKey")
	if _, given := o.take("presharedKey"); given {
		peer.PresharedKey = o.secretKey("presharedKey")
	}
	peer.ProbeKey = o.key("probeKey")
	peer.AllowedIPs = readPrefixes(o, field+".", "allowedIps")
	if _, given := o.take("lateIps"); given {
		peer.LateIPs = readPrefixes(o, field+".", "lateIps")
	}
	o.text("echoAddress", into(&peer.EchoAddress, ParseAddress), "give the peer's own address in the mesh")
	peer.KeepaliveMs = o.integer("keepaliveMs", KeepaliveMsMin, KeepaliveMsMax)
	if _, given := o.take("duplicate"); given {
		peer.Duplicate = o.boolean("duplicate")
	}
	for i, path := range o.list("paths", PathsPerPeerMax) {
		peer.Paths = append(peer.Paths, readPath(d, fmt.Sprintf("%s.paths[%d]", field, i), path))
	}
	o.close()
	return peer
}

func readPrefixes(o *object, within, name string) (prefixes []netip.Prefix) {
	for i, value := range o.list(name, PrefixesPerPeerMax) {
		var prefix netip.Prefix
		o.readText(fmt.Sprintf("%s%s[%d]", within, name, i), value, value,
			into(&prefix, parseNetworkPrefix), "give a prefix such as 10.7.0.2/32")
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}
