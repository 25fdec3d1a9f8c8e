// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestAHelperThatDiesLeavesItsDeviceToTheNextOne(t *testing.T) {
	if engine != "userspace" {
		t.Skip("the kernel keeps its own devices")
	}
	a, b := newPair(t, 2)
	a.supervise(t, b, 2)
	before := device(t, a.namespace)

	killChild(t, a.helper, syscall.SIGKILL)
	a.agent = a.helper.connect(t)
	state := a.agent.call("state", object{})
	if want := (object{"device": true, "sessions": false, "sockets": 0.}); !reflect.DeepEqual(state["takeover"], map[string]any(want)) {
		t.Errorf("it says %v", state["takeover"])
	}
	if after := device(t, a.namespace); after != before {
		t.Errorf("the device was\n%s and is\n%s", before, after)
	}
	until(t, "the tunnel is back", func() bool { return a.namespace.ping(b.address()) })

	// What cannot be read is no reason to let packets for the mesh out by another way.
	file := filepath.Join(filepath.Dir(a.helper.socket), "helper.state")
	if err := os.WriteFile(file, []byte("meshgate-helper state 0\n{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	killChild(t, a.helper, syscall.SIGKILL)
	a.agent = a.helper.connect(t)
	if after := device(t, a.namespace); after != before {
		t.Errorf("without a document the device is\n%s", after)
	}
	a.agent.apply(a.desired(b, 2))
	if after := device(t, a.namespace); after != before {
		t.Errorf("in the end the device is\n%s", after)
	}
	until(t, "the tunnel is back again", func() bool { return a.namespace.ping(b.address()) })

	a.agent.apply(object{"device": nil, "routes": []any{}, "peers": []any{}})
	if links := a.namespace.sh(t, "ip -br link"); strings.Contains(links, deviceName(before)) {
		t.Errorf("left over: %s", links)
	}
}

// killChild waits until the next one listens.
func killChild(t *testing.T, h *helper, signal syscall.Signal) {
	t.Helper()
	child := childOf(t, h.command.Process.Pid)
	if err := syscall.Kill(child, signal); err != nil {
		t.Fatal(err)
	}
	until(t, "the next one listens", func() bool {
		return childOf(t, h.command.Process.Pid) != child && strings.Count(h.log.String(), `"msg":"listening"`) >
			strings.Count(h.log.String(), `"msg":"the helper died`)
	})
}

// device is the interface with its index, addresses and routes.
func device(t *testing.T, n namespace) string {
	t.Helper()
	return n.sh(t, "ip -o addr show type tun") + n.sh(t, "ip route show proto 77")
}

func deviceName(shown string) string { return strings.Fields(shown)[1] }
