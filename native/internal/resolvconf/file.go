// SPDX-License-Identifier: Apache-2.0

package resolvconf

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Path is where every resolver of a host looks first.
const Path = "/etc/resolv.conf"

const (
	beginning = "# meshgate: the mesh's own names; these lines go when it stops"
	end       = "# meshgate: end"
)

// file keeps a few lines at the top of resolv.conf, and nothing besides: what others write there while we
// are here stays theirs, and there is no copy that could grow old.
type file struct {
	path string
	wish Wish
}

func (f *file) Way() string { return ByFile }

func (f *file) Settle() error {
	return edit(f.path, func(text string) string { return block(f.wish.Servers) + without(text) })
}

func (f *file) Undo() error { return edit(f.path, without) }

func (f *file) Upstreams() ([]netip.AddrPort, error) { return upstreams(f.path) }

func block(servers []netip.Addr) string {
	lines := []string{beginning}
	for _, server := range servers {
		lines = append(lines, "nameserver "+server.String())
	}
	return strings.Join(append(lines, end, ""), "\n")
}

// without is the text without our lines.
func without(text string) string {
	before, rest, found := strings.Cut(text, beginning+"\n")
	if !found {
		return text
	}
	_, after, closed := strings.Cut(rest, end+"\n")
	if !closed {
		// Cut short by somebody: only what is surely ours goes.
		return before + rest
	}
	return before + after
}

// upstreams are the servers of a file, without ours.
func upstreams(path string) (servers []netip.AddrPort, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for line := range strings.Lines(without(string(text))) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if address, err := netip.ParseAddr(words[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(address, 53))
		}
	}
	return servers, err
}

// edit writes only what differs.
func edit(path string, change func(string) string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed := change(string(text))
	if changed == string(text) {
		return nil
	}
	return replace(path, changed)
}

// replace puts a new file in the old one's place, so that nobody ever reads half of it. A file that is
// mounted by itself, as in containers, or in a folder that is closed to us, can only be written as it is.
func replace(path, text string) error {
	// Through a link, because the link itself is somebody's decision.
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(target); err == nil {
		mode = info.Mode().Perm()
	}
	if !isMounted(target) {
		fresh := target + ".meshgate"
		if err = os.WriteFile(fresh, []byte(text), mode); err == nil {
			err = os.Rename(fresh, target)
		}
		if err == nil {
			return nil
		}
		_ = os.Remove(fresh)
	}
	if err = overwrite(target, text, mode); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

// overwrite cuts a file to its new length only when all is written: who reads meanwhile, or whoever kills us then, finds
// no empty file, and what others wrote is not lost.
func overwrite(path, text string, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, mode)
	if err != nil {
		return err
	}
	if _, err = file.WriteString(text); err == nil {
		err = file.Truncate(int64(len(text)))
	}
	return errors.Join(err, file.Close())
}

// isMounted tells whether a file is a mount point (proc(5), mountinfo: the fifth field).
func isMounted(path string) bool {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == path {
			return true
		}
	}
	return false
}
