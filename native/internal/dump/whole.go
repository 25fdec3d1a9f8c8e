// SPDX-License-Identifier: Apache-2.0

// Package dump reads the kernel's lists. One during which something is added or taken away, by whomever, comes with the
// mark that it may be incomplete; such a list is of no use and the next one is most likely whole.
package dump

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// attemptsMax is for a host whose links or addresses never rest.
const attemptsMax = 20

// Whole reads a list until nothing has come between, or anything else is wrong.
func Whole[T any](read func() ([]T, error)) (list []T, err error) {
	for range attemptsMax {
		if list, err = read(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
	return list, err
}
