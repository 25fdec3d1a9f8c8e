// SPDX-License-Identifier: Apache-2.0

package portshare

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

const (
	// kindMask leaves out what an attribute's kind says of its own form.
	kindMask = 0x3fff
	// listElement is NFTA_LIST_ELEM, the kind of all members of a list.
	listElement = 1
)

// within gives the values of the attributes that a way of kinds leads to, without a copy: the library's decoder
// makes some hundred small objects of one answer. What follows an attribute of an impossible length is left out.
func within(text []byte, kind uint16, deeper ...uint16) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { walk(text, kind, deeper, yield) }
}

func walk(text []byte, kind uint16, deeper []uint16, yield func([]byte) bool) bool {
	for len(text) >= unix.NLA_HDRLEN {
		length := int(binary.NativeEndian.Uint16(text))
		if length < unix.NLA_HDRLEN || length > len(text) {
			return true
		}
		if binary.NativeEndian.Uint16(text[2:])&kindMask == kind {
			value := text[unix.NLA_HDRLEN:length]
			if len(deeper) == 0 {
				if !yield(value) {
					return false
				}
			} else if !walk(value, deeper[0], deeper[1:], yield) {
				return false
			}
		}
		// Each begins at a multiple of four.
		text = text[min(len(text), (length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
	return true
}
