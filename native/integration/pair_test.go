// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/rand"
	"fmt"
	"os"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

type object = map[string]any

// A member is one host of a mesh of two.
type member struct {
	namespace namespace
	number    int
	device    string
	private   protocol.Key
	probe     protocol.Key
	helper    *helper
	agent     *agent
}

func newMember(t *testing.T, n namespace, number int) *member {
	t.Helper()
	return newMemberOn(t, n, number, engine)
}

func newMemberOn(t *testing.T, n namespace, number int, engine string) *member {
	t.Helper()
	m := &member{namespace: n, number: number, device: fmt.Sprintf("mg%d-%d", os.Getpid(), number)}
	_, _ = rand.Read(m.private[:])
	_, _ = rand.Read(m.probe[:])
	m.helper = startOn(t, n, newSocket(t), engine)
	m.agent = m.helper.connect(t)
	return m
}

func (m *member) key() string { return protocol.PublicKey(m.private).String() }

func (m *member) address() string { return fmt.Sprintf("10.7.0.%d", m.number) }

// desired has one direct path for each network that the two share.
func (m *member) desired(other *member, networks ...int) object {
	paths := []object{}
	for _, network := range networks {
		paths = append(paths, object{
			"id": fmt.Sprintf("w%d", network), "kind": "direct", "endpoint": fmt.Sprintf("192.0.%d.%d:41820", network, other.number),
		})
	}
	return object{
		"device": object{
			"name": m.device, "mtu": 1280, "listenPort": 41820, "privateKey": m.private, "probeKey": m.probe,
			"addresses":  []string{m.address() + "/16", fmt.Sprintf("fd12:3456:789a::%d/48", m.number)},
			"stunServer": true, "relay": false,
		},
		"routes": []object{{"destination": "10.9.0.0/16", "mtu": 1200}},
		"peers": []object{{
			"publicKey": other.key(), "probeKey": protocol.PublicKey(other.probe),
			"allowedIps":  []string{other.address() + "/32", fmt.Sprintf("fd12:3456:789a::%d/128", other.number)},
			"echoAddress": other.address(), "keepaliveMs": 1_000, "paths": paths,
		}},
	}
}

// newPair makes two members and the networks between them.
func newPair(t *testing.T, networks ...int) (a, b *member) {
	t.Helper()
	return newPairOn(t, engine, networks...)
}

func newPairOn(t *testing.T, engine string, networks ...int) (a, b *member) {
	t.Helper()
	needRoot(t)
	nsA, nsB := newNamespace(t, "a"), newNamespace(t, "b")
	for _, network := range networks {
		wire(t, nsA, nsB, network)
	}
	a, b = newMemberOn(t, nsA, 1, engine), newMemberOn(t, nsB, 2, engine)
	a.agent.apply(a.desired(b, networks...))
	b.agent.apply(b.desired(a, networks...))
	return a, b
}

// supervise has the member go on under a supervisor, which starts a helper that dies anew.
func (m *member) supervise(t *testing.T, other *member, networks ...int) {
	t.Helper()
	m.agent.await("path-up", any1)
	m.agent.call("shutdown", object{})
	_ = m.helper.command.Wait()
	m.helper = startWith(t, m.helper.socket, "ip", "netns", "exec", string(m.namespace),
		binary, "--supervise", "--socket", m.helper.socket)
	m.agent = m.helper.connect(t)
	m.agent.apply(m.desired(other, networks...))
	until(t, "the tunnel stands", func() bool { return m.namespace.ping(other.address()) })
}
