// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"fmt"
	"net/netip"
)

var (
	errNotAnAddress   = errors.New("not an IP address")
	errNotAnEndpoint  = errors.New("not an address and port")
	errNotAPrefix     = errors.New("not a prefix")
	errNotCanonical   = errors.New("not in canonical form")
	errMapped         = errors.New("an IPv4 address in IPv6 clothes")
	errZone           = errors.New("has a zone")
	errHostBits       = errors.New("has bits set beyond its length")
	errPortZero       = errors.New("port 0")
	errNotReachable   = errors.New("not an address that one host can be sent to at")
	errNotAName       = errors.New("not an interface name of 1 to 15 letters, digits, dots, dashes and underscores")
	errLengthOfPathID = fmt.Errorf("not a text of 1 to %d bytes", PathIDLengthMax)
)

func checkAddress(address netip.Addr, text, canonical string) error {
	switch {
	case address.Zone() != "":
		return errZone
	case address.Is4In6():
		return errMapped
	case text != canonical:
		return fmt.Errorf("%w, which is %s", errNotCanonical, canonical)
	}
	return nil
}

// ParseAddress reads an IP address in its one canonical form.
func ParseAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, errNotAnAddress
	}
	return address, checkAddress(address, text, address.String())
}

var errOtherFamily = errors.New("not of the other end's family")

// source reads the address of ours that something leaves from, which may be left out.
func (o *object) source(to netip.AddrPort) (source netip.Addr) {
	value, given := o.take("source")
	if !given {
		return source
	}
	parse := func(text string) error {
		parsed, err := ParseAddress(text)
		if err == nil && to.IsValid() && parsed.Is4() != to.Addr().Is4() {
			err = errOtherFamily
		}
		source = parsed
		return err
	}
	o.readText(o.name("source"), value, value, parse, "give an address of this host, or leave it out")
	return source
}

// ParseEndpoint reads a transport address that a datagram can be sent to.
func ParseEndpoint(text string) (netip.AddrPort, error) {
	endpoint, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.AddrPort{}, errNotAnEndpoint
	}
	if err := checkAddress(endpoint.Addr(), text, endpoint.String()); err != nil {
		return netip.AddrPort{}, err
	}
	if endpoint.Port() == 0 {
		return netip.AddrPort{}, errPortZero
	}
	if address := endpoint.Addr(); address.IsUnspecified() || address.IsMulticast() || address == broadcast {
		return netip.AddrPort{}, errNotReachable
	}
	return endpoint, nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// parseInterfacePrefix reads an address with the length of its network, as on an interface.
func parseInterfacePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errNotAPrefix
	}
	return prefix, checkAddress(prefix.Addr(), text, prefix.String())
}

// parseNetworkPrefix reads a prefix without host bits, as in a route.
func parseNetworkPrefix(text string) (netip.Prefix, error) {
	prefix, err := parseInterfacePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("%w, meant may be %s", errHostBits, prefix.Masked())
	}
	return prefix, nil
}

func parseInterfaceName(text string) (string, error) {
	if len(text) == 0 || len(text) > NameLengthMax || text == "." || text == ".." {
		return "", errNotAName
	}
	for _, char := range []byte(text) {
		letter := char|0x20 >= 'a' && char|0x20 <= 'z'
		digit := char >= '0' && char <= '9'
		if !letter && !digit && char != '.' && char != '-' && char != '_' {
			return "", errNotAName
		}
	}
	return text, nil
}

func parsePathID(text string) (string, error) {
	if len(text) == 0 || len(text) > PathIDLengthMax {
		return "", errLengthOfPathID
	}
	return text, nil
}
