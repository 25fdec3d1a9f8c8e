// SPDX-License-Identifier: Apache-2.0

package statefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// epochHeader is the first line; microseconds follow.
const epochHeader = "meshgate-helper epoch 1\n"

// ErrEpoch is why what is there is not used.
var ErrEpoch = errors.New("not a number of microseconds of this version")

// An Epoch is a place for what the wall clock said when the host booted. Counted from there by a clock that
// nobody sets, time goes on through all starts of the helper, though the wall clock is set back meanwhile.
type Epoch struct{ Path string }

// Save keeps it, given what the wall clock says now in microseconds.
func (e Epoch) Save(wall uint64) error {
	text := strconv.FormatInt(int64(wall)-sinceBoot().Microseconds(), 10)
	return replace(e.Path, []byte(epochHeader+text+"\n"))
}

// Now is the time in microseconds by what was kept, or zero if nothing was.
func (e Epoch) Now() (uint64, error) {
	if err := check(e.Path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		return 0, err
	}
	text, err := os.ReadFile(e.Path)
	if err != nil {
		return 0, err
	}
	digits, isEpoch := bytes.CutPrefix(text, []byte(epochHeader))
	booted, err := strconv.ParseInt(string(bytes.TrimSuffix(digits, []byte("\n"))), 10, 64)
	if !isEpoch || err != nil || booted < 0 || booted > epochMax {
		return 0, ErrEpoch
	}
	return uint64(booted + sinceBoot().Microseconds()), nil
}

// epochMax is the year 2200: stamps that begin far ahead would never be followed by a clock.
const epochMax = 7_258_118_400_000_000

func sinceBoot() time.Duration {
	var now unix.Timespec
	// It cannot fail for a clock that every kernel has.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}
