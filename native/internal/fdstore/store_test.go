// SPDX-License-Identifier: Apache-2.0

package fdstore

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// child is this test as one start of a supervised helper: it tells what it finds, and does as it is told.
const child = "MESHGATE_FDSTORE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	store := FromEnvironment()
	for _, command := range os.Args[1:] {
		verb, name, _ := strings.Cut(command, " ")
		switch verb {
		case "put":
			reader, writer, _ := os.Pipe()
			_, _ = writer.WriteString("what was put as " + name)
			_ = writer.Close()
			store.Put(name, reader)
		case "take":
			if file := store.Take(name); file != nil {
				text, err := io.ReadAll(file)
				fmt.Printf("%s, %v;", text, err)
			}
		case "remove":
			store.Remove(name)
		case "left":
			fmt.Printf("%d left, LISTEN_FDS=%q;", len(store.Unclaimed()), os.Getenv("LISTEN_FDS"))
		}
	}
	// As a killed one ends: nothing is said.
	_ = unix.Kill(os.Getpid(), unix.SIGKILL)
}

func start(t *testing.T, keeper *Keeper, commands ...string) string {
	t.Helper()
	line, err := keeper.Open()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("/proc/self/exe", commands...)
	command.Env = append(line.Environment, child+"=1")
	command.ExtraFiles = line.Files
	output := &strings.Builder{}
	command.Stdout = output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	keeper.Keep(line)
	_ = command.Wait()
	return output.String()
}

func TestWhatAKilledOneKeptIsHandedToTheNextOnesOnce(t *testing.T) {
	keeper := NewKeeper()
	if got := start(t, keeper, "left", "put tun", "put punched-7"); got != `0 left, LISTEN_FDS="";` {
		t.Errorf("the first one: %q", got)
	}
	if got := start(t, keeper, "take tun", "take tun", "take nothing", "left"); got != `what was put as tun, <nil>;1 left, LISTEN_FDS="";` {
		t.Errorf("the second one: %q", got)
	}
	// What was taken stays kept; the pipe has been emptied.
	if got := start(t, keeper, "take tun", "remove punched-7", "put tun"); got != ", <nil>;" {
		t.Errorf("the third one: %q", got)
	}
	if got := start(t, keeper, "take tun", "left"); got != `what was put as tun, <nil>;0 left, LISTEN_FDS="";` {
		t.Errorf("the fourth one: %q", got)
	}
}

func TestAKeeperIsNotFilledAndKeepsNoNonsense(t *testing.T) {
	keeper := NewKeeper()
	for i := range keptMax + 10 {
		keeper.take(fmt.Sprintf("FDSTORE=1\nFDNAME=%d", i), []*os.File{pipeEnd(t)})
	}
	if len(keeper.kept) != keptMax {
		t.Errorf("%d are kept", len(keeper.kept))
	}
	// One that is known has its place.
	again := pipeEnd(t)
	keeper.take("FDSTORE=1\nFDNAME=7", []*os.File{again})
	if keeper.kept["7"] != again {
		t.Error("the new one is not kept")
	}
	nonsense := NewKeeper()
	for _, message := range []string{
		"", "FDSTORE=1", "FDSTORE=1\nFDNAME=", "FDSTORE=1\nFDNAME=a:b", "FDSTORE=1\nFDNAME=" + keeperName,
		"FDNAME=x", "FDSTORE=1\nFDNAME=" + strings.Repeat("x", messageSizeMax), "\n\n==\n",
	} {
		file := pipeEnd(t)
		nonsense.take(message, []*os.File{file})
		if _, err := file.Stat(); err == nil {
			t.Errorf("%q: what came with it stays open", message)
		}
	}
	nonsense.take("FDSTORE=1\nFDNAME=x", nil)
	if len(nonsense.kept) != 0 {
		t.Errorf("kept %v", nonsense.kept)
	}
}

func pipeEnd(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	t.Cleanup(func() { _ = reader.Close() })
	return reader
}

// systemd is spoken to by sending to the path that NOTIFY_SOCKET names.
func TestASystemdIsToldAsItsProtocolHasIt(t *testing.T) {
	path := t.TempDir() + "/notify"
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	store := FromEnvironment()
	store.Put("tun", pipeEnd(t))
	store.Remove("tun")
	for _, want := range []string{"FDSTORE=1\nFDPOLL=0\nFDNAME=tun", "FDSTOREREMOVE=1\nFDNAME=tun"} {
		_ = socket.SetDeadline(time.Now().Add(5 * time.Second))
		message, rights := make([]byte, 1_024), make([]byte, 1_024)
		n, size, _, _, err := socket.ReadMsgUnix(message, rights)
		if err != nil || string(message[:n]) != want || (len(filesIn(rights[:size])) == 1) != strings.HasPrefix(want, "FDSTORE=") {
			t.Errorf("%q with %d bytes of rights, %v; want %q", message[:n], size, err, want)
		}
	}
}

func TestWhatIsForAnotherProcessIsLeftAlone(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("LISTEN_FDNAMES", "tun")
	if store := FromEnvironment(); store.Take("tun") != nil || len(store.Unclaimed()) != 0 {
		t.Error("taken")
	}
}
