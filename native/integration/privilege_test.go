// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const nobody = 65534

// onlyTwo is CAP_NET_ADMIN and CAP_NET_RAW.
const onlyTwo = "0000000000003000"

func capabilitiesOf(t *testing.T, pid int, name, want string) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			continue // A thread that has ended since.
		}
		if !regexp.MustCompile(`(?m)^` + name + `:\s+` + want + `$`).Match(status) {
			t.Errorf("%s: %s is not %s in\n%s", task, name, want, status)
		}
	}
}

func TestOfRootOnlyTwoCapabilitiesAreLeftInEveryThread(t *testing.T) {
	a, b := newPair(t, 2)
	a.agent.await("path-up", any1)
	_ = a.namespace.ping(b.address())
	pid := a.helper.command.Process.Pid
	for name, want := range map[string]string{
		"CapEff": onlyTwo, "CapPrm": onlyTwo, "CapBnd": onlyTwo, "CapInh": strings.Repeat("0", 16),
		"CapAmb": strings.Repeat("0", 16), "NoNewPrivs": "1",
	} {
		capabilitiesOf(t, pid, name, want)
	}
}

func TestTwoAmbientCapabilitiesAreEnough(t *testing.T) {
	needRoot(t)
	n, directory := newNamespace(t, "a"), t.TempDir()
	for path := directory; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		_ = os.Chmod(path, 0o755)
	}
	if err := os.Chown(directory, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(directory, "helper.sock")
	// Whoever is not root may open it where udev has been, and this host may have none.
	const withTun = `mount -t tmpfs none /dev/net && mknod -m 0666 /dev/net/tun c 10 200 && exec "$@"`
	h := startWith(t, socket, "ip", "netns", "exec", string(n), "sh", "-c", withTun, "--", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
		"--inh-caps=-all,+net_admin,+net_raw", "--ambient-caps=+net_admin,+net_raw", "--", binary, "--engine", engine, "--socket", socket)
	m, other := &member{namespace: n, number: 1, device: fmt.Sprintf("mg%d-n", os.Getpid())}, &member{number: 2}
	m.private[1], m.probe[1], other.private[1], other.probe[1] = 1, 1, 2, 2
	if changed := h.connect(t).apply(m.desired(other)); len(changed) == 0 {
		t.Error("nothing was made")
	}
	for name, want := range map[string]string{"CapEff": onlyTwo, "CapPrm": onlyTwo, "CapAmb": strings.Repeat("0", 16), "NoNewPrivs": "1"} {
		capabilitiesOf(t, h.command.Process.Pid, name, want)
	}
}

func TestWithoutPermissionItSaysWhatIsMissing(t *testing.T) {
	needRoot(t)
	command := exec.Command("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--",
		binary, "--engine", engine, "--socket", filepath.Join(t.TempDir(), "x.sock"))
	text, err := command.CombinedOutput()
	if command.ProcessState.ExitCode() != 1 {
		t.Errorf("it ends with %v", err)
	}
	contains(t, string(text), "CAP_NET_ADMIN and CAP_NET_RAW are needed")
	contains(t, string(text), "AmbientCapabilities")
}

func TestASecondHelperOnTheSameSocketIsRefused(t *testing.T) {
	needRoot(t)
	n, socket := newNamespace(t, "a"), newSocket(t)
	h := start(t, n, socket)
	text, err := exec.Command("ip", "netns", "exec", string(n), binary, "--engine", engine, "--socket", socket).CombinedOutput()
	if err == nil {
		t.Error("it runs")
	}
	contains(t, string(text), "another helper is running on this socket")
	h.connect(t).call("state", object{})
}

func TestAStrangerIsClosedAtOnceAndOneWhoIsNamedIsNot(t *testing.T) {
	needRoot(t)
	n, directory := newNamespace(t, "a"), t.TempDir()
	for path := directory; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		_ = os.Chmod(path, 0o755)
	}
	socket := filepath.Join(directory, "helper.sock")
	h := startWith(t, socket, "ip", "netns", "exec", string(n), binary, "--engine", engine, "--socket", socket, "--allow-uid", "65533")
	// Only the file's mode keeps others out so far, and that is not what is tested.
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	if heard := helloAs(t, nobody, socket); heard != "" {
		t.Errorf("a stranger heard %s", heard)
	}
	contains(t, h.log.String(), "this user may not connect")
	contains(t, helloAs(t, 65533, socket), "instance")
}
