// SPDX-License-Identifier: Apache-2.0

package fdstore

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// messageSizeMax is far more than a name needs.
const messageSizeMax = 1_024

// A Keeper is the supervisor's side: it keeps what one child says, and hands it to the next one.
type Keeper struct{ kept map[string]*os.File }

// A Line is how one child speaks to its keeper.
type Line struct {
	// Files are for the child, from descriptor 3 on, and Environment says so.
	Files       []*os.File
	Environment []string
	own         *net.UnixConn
	theirs      *os.File
}

// NewKeeper keeps nothing yet.
func NewKeeper() *Keeper { return &Keeper{kept: map[string]*os.File{}} }

// Open makes a line for a child that is about to start.
func (k *Keeper) Open() (*Line, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	line := &Line{own: connected(os.NewFile(uintptr(pair[0]), keeperName)), theirs: os.NewFile(uintptr(pair[1]), keeperName)}
	names := []string{}
	for name, file := range k.kept {
		line.Files, names = append(line.Files, file), append(names, name)
	}
	line.Files, names = append(line.Files, line.theirs), append(names, keeperName)
	line.Environment = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "LISTEN_") || strings.HasPrefix(variable, "NOTIFY_SOCKET=")
	})
	line.Environment = append(line.Environment,
		fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	return line, nil
}

// Keep does what the child says, until it and all that it has said are gone. It is called once the child has started.
func (k *Keeper) Keep(line *Line) {
	_ = line.theirs.Close()
	defer line.own.Close()
	message := make([]byte, messageSizeMax)
	rights := make([]byte, unix.CmsgSpace(4*keptMax))
	for {
		n, size, _, _, err := line.own.ReadMsgUnix(message, rights)
		if err != nil || n == 0 {
			return
		}
		k.take(string(message[:n]), filesIn(rights[:size]))
	}
}

// Abandon closes the line of a child that did not start.
func (k *Keeper) Abandon(line *Line) {
	_ = line.theirs.Close()
	_ = line.own.Close()
}

func (k *Keeper) take(message string, files []*os.File) {
	said := map[string]string{}
	for _, field := range strings.Split(message, "\n") {
		name, value, _ := strings.Cut(field, "=")
		said[name] = value
	}
	name := said["FDNAME"]
	_, known := k.kept[name]
	keeps := said["FDSTORE"] == "1" && len(files) == 1 && isName(name) && (known || len(k.kept) < keptMax)
	if keeps || said["FDSTOREREMOVE"] == "1" {
		if known {
			_ = k.kept[name].Close()
		}
		delete(k.kept, name)
	}
	if keeps {
		k.kept[name] = files[0]
		return
	}
	for _, file := range files {
		_ = file.Close()
	}
}

// isName tells whether a name can stand in the list of them.
func isName(name string) bool {
	return name != "" && name != keeperName && len(name) < messageSizeMax/2 && !strings.ContainsAny(name, ":\x00")
}

func filesIn(rights []byte) (files []*os.File) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for i := range messages {
		descriptors, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range descriptors {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "kept"))
		}
	}
	return files
}
