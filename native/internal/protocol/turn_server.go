// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// A TurnServer is where to allocate an address, and as whom.
type TurnServer struct {
	ID string
	TurnURL
	// Either Password or Secret is set, or the server lets everybody in.
	Username string
	Password string
	Secret   string
	// CA is a file of certificates in place of the system's.
	CA string
}

// A TurnURL is a server's address (RFC 7065).
type TurnURL struct {
	// Transport is udp, tcp or tls.
	Transport string
	Host      string
	Port      uint16
}

// The transports of TURN.
const (
	TurnUDP = "udp"
	TurnTCP = "tcp"
	TurnTLS = "tls"
)

var (
	errNotATurnURL  = errors.New("not the URL of a TURN server")
	errDTLS         = errors.New("TURN over DTLS, which is not spoken")
	errNotAHost     = errors.New("its host is neither a name nor an address")
	errNotAPort     = errors.New("its port is not from 1 to 65535")
	errNotAFile     = errors.New("not the absolute path of a file")
	errLengthOfText = fmt.Errorf("not a text of 1 to %d bytes without control characters", TurnTextLengthMax)
)

// parseTurnURL reads turn:host:port?transport=udp, with tcp too, and turns:host:port?transport=tcp.
// Port and transport may be left out, and are then those of the RFC.
func parseTurnURL(text string) (url TurnURL, err error) {
	scheme, rest, _ := strings.Cut(text, ":")
	rest, query, asked := strings.Cut(rest, "?")
	transport, named := strings.CutPrefix(query, "transport=")
	switch {
	case asked != named || named && transport != TurnUDP && transport != TurnTCP:
		return url, errNotATurnURL
	case scheme == "turn":
		url.Transport, url.Port = TurnUDP, 3478
		if named {
			url.Transport = transport
		}
	case scheme == "turns" && transport == TurnUDP:
		return url, errDTLS
	case scheme == "turns":
		url.Transport, url.Port = TurnTLS, 5349
	default:
		return url, errNotATurnURL
	}
	url.Host, url.Port, err = parseHostPort(rest, url.Port)
	return url, err
}

func parseHostPort(text string, port uint16) (string, uint16, error) {
	host, number, given := strings.Cut(text, ":")
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed {
		host, number, given = strings.Cut(inner, "]")
		address, err := netip.ParseAddr(host)
		if !given || err != nil || !address.Is6() || address.Zone() != "" {
			return "", 0, errNotAHost
		}
		if number, given = strings.CutPrefix(number, ":"); !given && number != "" {
			return "", 0, errNotAPort
		}
	} else if !isHostName(host) {
		return "", 0, errNotAHost
	}
	if given {
		value, err := strconv.ParseUint(number, 10, 16)
		if err != nil || value == 0 {
			return "", 0, errNotAPort
		}
		port = uint16(value)
	}
	return host, port, nil
}

// isHostName takes addresses of IPv4 for names, which they may be mistaken for without harm.
func isHostName(text string) bool {
	if len(text) > 253 {
		return false
	}
	for _, label := range strings.Split(text, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, char := range []byte(label) {
			letter := char|0x20 >= 'a' && char|0x20 <= 'z'
			if digit := char >= '0' && char <= '9'; !letter && !digit && char != '-' {
				return false
			}
		}
	}
	return true
}

func parseTurnText(text string) (string, error) {
	if len(text) == 0 || len(text) > TurnTextLengthMax || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return "", errLengthOfText
	}
	return text, nil
}

func parseFile(text string) (string, error) {
	if !filepath.IsAbs(text) || filepath.Clean(text) != text || strings.Contains(text, "\x00") {
		return "", errNotAFile
	}
	return text, nil
}
