// SPDX-License-Identifier: Apache-2.0

// Package readiness tells a service manager that the helper runs, and goes on running: sd_notify(3), which is one
// datagram to the socket that the environment names.
package readiness

import (
	"net"
	"os"
	"strconv"
	"time"
)

// Notifier speaks to the service manager; to nobody if none has asked.
type Notifier struct {
	socket   string
	watchdog time.Duration
}

// FromEnvironment reads NOTIFY_SOCKET and WATCHDOG_USEC.
func FromEnvironment() Notifier {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec < 0 {
		usec = 0
	}
	return Notifier{socket: os.Getenv("NOTIFY_SOCKET"), watchdog: time.Duration(usec) * time.Microsecond}
}

// Ready says that the socket listens.
func (n Notifier) Ready() { n.send("READY=1") }

// Stopping says that the end has begun.
func (n Notifier) Stopping() { n.send("STOPPING=1") }

// Watch says every half of the watchdog's time that alive answers, until done is closed. It waits for alive: a helper
// that hangs in it is one that the manager should restart.
func (n Notifier) Watch(done <-chan struct{}, alive func()) {
	if n.socket == "" || n.watchdog == 0 {
		return
	}
	ticker := time.NewTicker(n.watchdog / 2)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			alive()
			n.send("WATCHDOG=1")
		}
	}
}

// send cannot fail in a way that the helper could mend.
func (n Notifier) send(message string) {
	if n.socket == "" {
		return
	}
	// A leading @ is an abstract socket, which Go understands too.
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	_, _ = connection.Write([]byte(message))
}
