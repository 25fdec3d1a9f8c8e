// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// strangerSocket tells this binary to be another user's agent, and nothing else.
const strangerSocket = "MESHGATE_TEST_STRANGER"

func helloAs(t *testing.T, uid uint32, socket string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for path := filepath.Dir(self); path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		_ = os.Chmod(path, 0o755)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), strangerSocket+"="+socket)
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	text, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// beStranger says hello and repeats what it hears.
func beStranger(socket string) int {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(connection, `{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"client":"stranger"}}`)
	heard, _ := bufio.NewReader(connection).ReadString('\n')
	fmt.Print(heard)
	return 0
}
