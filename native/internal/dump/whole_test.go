// SPDX-License-Identifier: Apache-2.0

package dump

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestAListThatWasInterruptedIsReadAgain(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		answers []error
		want    error
		reads   int
	}{
		"whole":                     {[]error{nil}, nil, 1},
		"interrupted twice":         {[]error{netlink.ErrDumpInterrupted, netlink.ErrDumpInterrupted, nil}, nil, 3},
		"interrupted, then refused": {[]error{netlink.ErrDumpInterrupted, broken}, broken, 2},
		"never whole":               {[]error{netlink.ErrDumpInterrupted}, netlink.ErrDumpInterrupted, attemptsMax},
	} {
		reads := 0
		list, err := Whole(func() ([]int, error) {
			answer := c.answers[min(reads, len(c.answers)-1)]
			reads++
			return []int{reads}, answer
		})
		if !errors.Is(err, c.want) || (err != nil) != (c.want != nil) || reads != c.reads || list[0] != reads {
			t.Errorf("%s: %v after %d reads: %v", name, list, reads, err)
		}
	}
}
