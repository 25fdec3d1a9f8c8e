// SPDX-License-Identifier: Apache-2.0

// Package fdstore keeps descriptors for the helper's next start, with whoever supervises it: systemd (FDSTORE=1 of
// sd_notify(3), and sd_listen_fds_with_names(3) at the next start), or a helper with --supervise, which speaks the
// same over a socket of its own. What is kept lives on when the helper is killed or replaced by another version.
package fdstore

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// first is the descriptor of the first one; the protocol has it so.
	first = 3
	// keeperName is the supervisor's own socket among what it hands over. systemd has one that is named by its path.
	keeperName = "keeper"
	// keptMax bounds what is kept: a device, and punched sockets.
	keptMax = 256
)

// A Store is what an earlier start kept and what this one keeps. The zero value keeps nothing.
type Store struct {
	keeper *net.UnixConn
	mutex  sync.Mutex
	found  map[string]*os.File
}

// FromEnvironment takes over what was handed to this process, so that what it starts itself is handed nothing.
func FromEnvironment() *Store {
	store := &Store{found: map[string]*os.File{}}
	for name, file := range handedOver() {
		if name == keeperName {
			store.keeper = connected(file)
			continue
		}
		store.found[name] = file
	}
	if path := os.Getenv("NOTIFY_SOCKET"); store.keeper == nil && path != "" {
		// Without an answer nothing is kept, and the next start makes all anew.
		store.keeper, _ = net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	}
	return store
}

// handedOver are the descriptors from 3 on, by their names.
func handedOver() map[string]*os.File {
	files := map[string]*os.File{}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	// Our own supervisor cannot know the process id before there is one, and leaves it out.
	pid := os.Getenv("LISTEN_PID")
	for _, variable := range []string{"LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"} {
		_ = os.Unsetenv(variable)
	}
	if err != nil || pid != "" && pid != strconv.Itoa(os.Getpid()) || len(names) != count || count > keptMax+1 {
		return files
	}
	for i, name := range names {
		fd := first + i
		unix.CloseOnExec(fd)
		// What is read without waiting is known to Go's poller by this alone.
		if unix.SetNonblock(fd, true) == nil {
			files[name] = os.NewFile(uintptr(fd), name)
		}
	}
	return files
}

func connected(file *os.File) *net.UnixConn {
	defer file.Close()
	connection, err := net.FileConn(file)
	if err != nil {
		return nil
	}
	keeper, _ := connection.(*net.UnixConn)
	return keeper
}

// Take gives what an earlier start kept under a name, which stays kept; nil if there is nothing. It is given once.
func (s *Store) Take(name string) *os.File {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	file := s.found[name]
	delete(s.found, name)
	return file
}

// Put keeps a copy of a descriptor under a name, in place of what was there.
func (s *Store) Put(name string, descriptor syscall.Conn) {
	if s.keeper == nil {
		return
	}
	raw, err := descriptor.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		// FDPOLL=0: a refusal that waits at a punched socket is no reason to drop it.
		s.say("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, unix.UnixRights(int(fd)))
	})
}

// Remove forgets what is kept under a name; whoever has a copy keeps that.
func (s *Store) Remove(name string) {
	if file := s.Take(name); file != nil {
		_ = file.Close()
	}
	s.say("FDSTOREREMOVE=1\nFDNAME="+name, nil)
}

// Unclaimed are the names of what an earlier start kept and nobody has taken.
func (s *Store) Unclaimed() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	names := make([]string, 0, len(s.found))
	for name := range s.found {
		names = append(names, name)
	}
	return names
}

// say cannot fail in a way that the helper could mend: what is not kept is made anew.
func (s *Store) say(message string, rights []byte) {
	if s.keeper == nil {
		return
	}
	raw, err := s.keeper.SyscallConn()
	if err != nil {
		return
	}
	// Not by net, which refuses to send descriptors over a connected socket of datagrams; and without waiting.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.Sendmsg(int(fd), []byte(message), rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	})
}
