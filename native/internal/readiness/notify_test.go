// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestNotifierTellsTheManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = manager.Close() }()
	heard := func() string {
		buffer := make([]byte, 256)
		_ = manager.SetReadDeadline(time.Now().Add(5 * time.Second))
		length, err := manager.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:length])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	notifier := FromEnvironment()

	notifier.Ready()
	if got := heard(); got != "READY=1" {
		t.Fatalf("ready: %q", got)
	}

	asked := 0
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		notifier.Watch(done, func() { asked++ })
		close(ended)
	}()
	if got := heard(); got != "WATCHDOG=1" {
		t.Fatalf("watchdog: %q", got)
	}
	close(done)
	<-ended
	if asked == 0 {
		t.Fatal("said alive without asking")
	}
}

func TestNotifierIsSilentWithoutAManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "nonsense")
	notifier := FromEnvironment()
	notifier.Ready()
	notifier.Stopping()
	// Returns at once: nobody wants to hear it.
	notifier.Watch(make(chan struct{}), func() { t.Fatal("asked") })
}
