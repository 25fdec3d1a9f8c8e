// SPDX-License-Identifier: Apache-2.0

package statefile

import (
	"io/fs"
	"os"
	"syscall"
)

func ownedByUs(found fs.FileInfo) bool {
	stat, ok := found.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
