// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"fmt"

	"golang.org/x/crypto/curve25519"
)

// checkDesired finds what is wrong between fields that are each fine by themselves. A field that
// could not be read is zero here and is passed over, because it has its problem already.
func checkDesired(d *document, desired *Desired) {
	if desired.Device == nil {
		if len(d.problems) == 0 && len(desired.Routes)+len(desired.Peers) > 0 {
			d.bad("device", nil, "routes and peers need a device", "give a device, or empty lists")
		}
	} else {
		checkDevice(d, desired.Device)
	}
	claims := claims{document: d, owner: map[string]string{}}
	if desired.Device != nil && desired.Device.PrivateKey != (Key{}) {
		claims.owner["public key "+PublicKey(desired.Device.PrivateKey).String()] = "device.privateKey"
	}
	for i, route := range desired.Routes {
		if route.Destination.IsValid() {
			claims.claim("route", route.Destination.String(), fmt.Sprintf("routes[%d].destination", i))
		}
	}
	for i := range desired.Peers {
		checkPeer(&claims, fmt.Sprintf("peers[%d]", i), &desired.Peers[i])
	}
	if desired.Device == nil && desired.Firewall != nil {
		d.bad("firewall", nil, "a firewall needs a device", "give a device, or leave the firewall out")
	}
	if desired.Device == nil && len(desired.LateFrom) > 0 {
		d.bad("lateFrom", nil, "late answers need a device", "give a device, or leave them out")
	}
	checkHubs(d, desired)
	checkTurn(d, desired)
	checkNames(d, desired)
}

func checkDevice(d *document, device *Device) {
	seen := claims{document: d, owner: map[string]string{}}
	for i, prefix := range device.Addresses {
		if !prefix.IsValid() {
			continue
		}
		field := fmt.Sprintf("device.addresses[%d]", i)
		seen.claim("address", prefix.Addr().String(), field)
		if address := prefix.Addr(); address.IsUnspecified() || address.IsMulticast() || address.IsLoopback() {
			d.bad(field, prefix.String(), "not an address that an interface can have", "give a unicast address")
		}
		if device.MTU != 0 && prefix.Addr().Is6() && device.MTU < MTUMinIPv6 {
			d.bad("device.mtu", device.MTU, "IPv6 needs 1280 or more", "raise it, or leave IPv6 addresses out")
		}
	}
}

func checkPeer(claims *claims, field string, peer *Peer) {
	if peer.PublicKey != (Key{}) {
		claims.claim("public key", peer.PublicKey.String(), field+".publicKey")
	}
	if peer.ProbeKey != (Key{}) {
		claims.claim("probe key", peer.ProbeKey.String(), field+".probeKey")
	}
	within := !peer.EchoAddress.IsValid()
	for i, prefix := range peer.AllowedIPs {
		if prefix.IsValid() {
			claims.claim("prefix", prefix.String(), fmt.Sprintf("%s.allowedIps[%d]", field, i))
		}
		within = within || prefix.IsValid() && prefix.Contains(peer.EchoAddress)
	}
	if !within {
		claims.bad(field+".echoAddress", peer.EchoAddress.String(), "not within allowedIps",
			"give the peer's own address in the mesh, and allow it")
	}
	ids := map[string]bool{}
	for i, path := range peer.Paths {
		if path.ID != "" && ids[path.ID] {
			claims.bad(fmt.Sprintf("%s.paths[%d].id", field, i), path.ID, "given twice", "give each path its own id")
		}
		ids[path.ID] = true
	}
}

// claims refuses that two fields name the same thing.
type claims struct {
	*document
	owner map[string]string
}

func (c *claims) claim(kind, value, field string) {
	name := kind + " " + value
	if owner, taken := c.owner[name]; taken {
		c.bad(field, value, "already given by "+owner, "give each "+kind+" once")
		return
	}
	c.owner[name] = field
}

// PublicKey is the public half of an X25519 private key.
func PublicKey(private Key) Key {
	var public Key
	point, err := curve25519.X25519(private[:], curve25519.Basepoint)
	if err == nil {
		copy(public[:], point)
	}
	return public
}
