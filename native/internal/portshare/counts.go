// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"
	"errors"
	"fmt"

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

// Count reads one endpoint's. The kernel answers such questions without waiting for anybody.
func (share *Share) Count(address endpoint) (counts Counts, err error) {
	sets := sides()
	in, out := sets[0], sets[2]
	if address.Addr().Is6() {
		in, out = sets[1], sets[3]
	}
	var questions [2]netlink.Message
	for i, set := range []side{in, out} {
		if questions[i], err = share.question(set, address); err != nil {
			return Counts{}, err
		}
	}
	transport := [...]*uint64{&counts.TransportIn, &counts.TransportOut}
	handshakes := [...]*uint64{&counts.HandshakesIn, &counts.HandshakesOut}
	err = share.query.ask(questions[:], func(question int, message netlink.Message) error {
		kind, packets, err := readElement(message)
		if kind == kindTransport {
			*transport[question] += packets
		} else {
			*handshakes[question] += packets
		}
		return err
	})
	return counts, err
}

// question asks for a set's elements of one endpoint and nothing else, which the library has no call for.
func (share *Share) question(set side, address endpoint) (netlink.Message, error) {
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
	return netlink.Message{
		Header: netlink.Header{Type: headerTypeGet},
		Data:   append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, text...),
	}, err
}

func readElement(message netlink.Message) (kind byte, packets uint64, err error) {
	if message.Header.Type != headerTypeElement || len(message.Data) < familySize {
		return 0, 0, errShort
	}
	top, err := netlink.NewAttributeDecoder(message.Data[familySize:])
	if err != nil {
		return 0, 0, err
	}
	for top.Next() {
		if top.Type() == unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			top.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					list.Nested(func(element *netlink.AttributeDecoder) error {
						for element.Next() {
							switch element.Type() {
							case unix.NFTA_SET_ELEM_KEY:
								element.Nested(func(value *netlink.AttributeDecoder) error {
									for value.Next() {
										if text := value.Bytes(); len(text) > 0 {
											kind = text[0]
										}
									}
									return nil
								})
							case nftaSetElemExpr:
								element.Nested(readCounter(&packets))
							}
						}
						return nil
					})
				}
				return nil
			})
		}
	}
	if err := top.Err(); err != nil {
		return 0, 0, fmt.Errorf("an element: %w", err)
	}
	return kind, packets, nil
}

func readCounter(packets *uint64) func(*netlink.AttributeDecoder) error {
	return func(expression *netlink.AttributeDecoder) error {
		for expression.Next() {
			if expression.Type() != unix.NFTA_EXPR_DATA {
				continue
			}
			expression.Nested(func(counter *netlink.AttributeDecoder) error {
				counter.ByteOrder = binary.BigEndian
				for counter.Next() {
					if counter.Type() == unix.NFTA_COUNTER_PACKETS {
						*packets = counter.Uint64()
					}
				}
				return nil
			})
		}
		return nil
	}
}
