// SPDX-License-Identifier: Apache-2.0

// Package stunserver answers STUN Binding requests (RFC 8489), which is how another member learns
// the mapping of its own port from any member that it can reach.
package stunserver

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// A Verdict is what becomes of a message.
type Verdict int

// The verdicts.
const (
	// Drop: it is malformed, or there were too many of its kind.
	Drop Verdict = iota
	// Pass: it is for the agent.
	Pass
	// Reply: send the answer.
	Reply
)

// Server is not for concurrent use.
type Server struct {
	allowance allowance
}

// understood are the comprehension-required attributes of RFC 8489. The server authenticates nobody,
// so it may know them and let them be; any other makes the request one that it must not answer.
var understood = map[stun.AttrType]bool{
	stun.AttrMappedAddress:          true,
	stun.AttrUsername:               true,
	stun.AttrMessageIntegrity:       true,
	stun.AttrErrorCode:              true,
	stun.AttrUnknownAttributes:      true,
	stun.AttrRealm:                  true,
	stun.AttrNonce:                  true,
	stun.AttrXORMappedAddress:       true,
	stun.AttrMessageIntegritySHA256: true,
	stun.AttrPasswordAlgorithm:      true,
	stun.AttrUserhash:               true,
	attrResponsePort:                true,
}

// attrResponsePort (RFC 5780, section 7.5) asks for the answer to go to another port of the requester, which
// finds out that way whether its NAT still keeps that port's mapping.
const attrResponsePort = stun.AttrType(0x0027)

// An Answer is what goes back, and where to: the requester, or another port of its address.
type Answer struct {
	Message []byte
	To      netip.AddrPort
}

// Read says what becomes of a STUN message, and with Reply what the answer is.
func (server *Server) Read(datagram []byte, from netip.AddrPort, now time.Time) (Verdict, Answer) {
	message := &stun.Message{Raw: datagram}
	if err := message.Decode(); err != nil {
		return Drop, Answer{}
	}
	if message.Type != stun.BindingRequest {
		return Pass, Answer{}
	}
	_, fingerprinted := message.Attributes.Get(stun.AttrFingerprint)
	if fingerprinted && stun.Fingerprint.Check(message) != nil {
		return Drop, Answer{}
	}
	if !server.allowance.take(from.Addr(), now) {
		return Drop, Answer{}
	}
	answer, err := build(message, from, fingerprinted)
	if err != nil {
		return Drop, Answer{}
	}
	return Reply, Answer{Message: answer.Raw, To: answerTo(message, from)}
}

func answerTo(request *stun.Message, from netip.AddrPort) netip.AddrPort {
	value, err := request.Get(attrResponsePort)
	if err != nil || len(value) < 2 {
		return from
	}
	port := binary.BigEndian.Uint16(value)
	if port == 0 {
		return from
	}
	return netip.AddrPortFrom(from.Addr(), port)
}

func build(request *stun.Message, from netip.AddrPort, fingerprinted bool) (*stun.Message, error) {
	transaction := stun.NewTransactionIDSetter(request.TransactionID)
	setters := []stun.Setter{transaction, stun.BindingSuccess, mapped(from)}
	if unknown := unknownAttributes(request); len(unknown) > 0 {
		setters = []stun.Setter{transaction, stun.BindingError, stun.CodeUnknownAttribute, unknown}
	}
	if fingerprinted {
		setters = append(setters, stun.Fingerprint)
	}
	return stun.Build(setters...)
}

func mapped(from netip.AddrPort) *stun.XORMappedAddress {
	return &stun.XORMappedAddress{IP: net.IP(from.Addr().AsSlice()), Port: int(from.Port())}
}

// unknownMax keeps an error shorter than the request that caused it could make it.
const unknownMax = 8

func unknownAttributes(request *stun.Message) (unknown stun.UnknownAttributes) {
	for _, attribute := range request.Attributes {
		if attribute.Type.Required() && !understood[attribute.Type] && len(unknown) < unknownMax {
			unknown = append(unknown, attribute.Type)
		}
	}
	return unknown
}
