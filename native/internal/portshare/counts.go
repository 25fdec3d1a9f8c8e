// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Counts are packets of WireGuard's sessions, and all its others, in and out over one straight endpoint
// since it became one, or since the rules were last made anew.
type Counts struct{ TransportIn, HandshakesIn, TransportOut, HandshakesOut uint64 }

// What golang.org/x/sys does not name.
const (
	nftaSetElemExpr   = 7
	familySize        = 4
	headerTypeGet     = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETSETELEM)
	headerTypeElement = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWSETELEM)
)

var errShort = errors.New("an answer of nftables that makes no sense")

// questions ask for an endpoint's elements, those in and those out.
type questions = [2]question

// Count reads one endpoint's. The kernel answers such questions without waiting for anybody.
func (share *Share) Count(address endpoint) (counts Counts, err error) {
	asked, err := share.questionsOf(address)
	if err != nil {
		return Counts{}, err
	}
	transport := [...]*uint64{&counts.TransportIn, &counts.TransportOut}
	handshakes := [...]*uint64{&counts.HandshakesIn, &counts.HandshakesOut}
	err = share.query.ask(asked[:], func(question int, message netlink.Message) error {
		if message.Header.Type != headerTypeElement || len(message.Data) < familySize {
			return errShort
		}
		kind, packets := readElement(message.Data[familySize:])
		if kind == kindTransport {
			*transport[question] += packets
		} else {
			*handshakes[question] += packets
		}
		return nil
	})
	return counts, err
}

// questionsOf keeps what it has made: a busy peer's are asked many times a second.
func (share *Share) questionsOf(address endpoint) (*questions, error) {
	if known, ok := share.questions.Load(address); ok {
		return known.(*questions), nil
	}
	sets := sides()
	in, out := sets[0], sets[2]
	if address.Addr().Is6() {
		in, out = sets[1], sets[3]
	}
	made := &questions{}
	for i, set := range []side{in, out} {
		text, err := share.question(set, address)
		if err != nil {
			return nil, err
		}
		made[i] = question{text, len(kinds)}
	}
	share.questions.Store(address, made)
	return made, nil
}

// question asks for a set's elements of one endpoint and nothing else, which the library has no call for.
func (share *Share) question(set side, address endpoint) ([]byte, error) {
	encoder := netlink.NewAttributeEncoder()
	encoder.String(unix.NFTA_SET_ELEM_LIST_TABLE, share.name)
	encoder.String(unix.NFTA_SET_ELEM_LIST_SET, set.set.Name)
	encoder.Nested(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(list *netlink.AttributeEncoder) error {
		for i, kind := range kinds {
			list.Nested(uint16(i+1), func(element *netlink.AttributeEncoder) error {
				element.Nested(unix.NFTA_SET_ELEM_KEY, func(value *netlink.AttributeEncoder) error {
					value.Bytes(unix.NFTA_DATA_VALUE, key(kind, address))
					return nil
				})
				return nil
			})
		}
		return nil
	})
	text, err := encoder.Encode()
	if err != nil {
		return nil, err
	}
	message := netlink.Message{
		Header: netlink.Header{
			Type: headerTypeGet, Flags: netlink.Request,
			Length: uint32(unix.SizeofNlMsghdr + familySize + len(text)),
		},
		Data: append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, text...),
	}
	return message.MarshalBinary()
}

func readElement(text []byte) (kind byte, packets uint64) {
	for value := range within(text, unix.NFTA_SET_ELEM_LIST_ELEMENTS, listElement, unix.NFTA_SET_ELEM_KEY, unix.NFTA_DATA_VALUE) {
		if len(value) > 0 {
			kind = value[0]
		}
	}
	for value := range within(text, unix.NFTA_SET_ELEM_LIST_ELEMENTS, listElement, nftaSetElemExpr, unix.NFTA_EXPR_DATA, unix.NFTA_COUNTER_PACKETS) {
		if len(value) == 8 {
			packets = binary.BigEndian.Uint64(value)
		}
	}
	return kind, packets
}
