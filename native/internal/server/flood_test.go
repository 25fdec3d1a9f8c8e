// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

// counting counts what is applied.
type counting struct {
	still
	applied *atomic.Int32
}

func (c counting) Apply(*protocol.Desired) (protocol.Applied, *protocol.Fault) {
	c.applied.Add(1)
	return protocol.Applied{Changed: []string{}}, nil
}

func TestAMessageThatIsCutAnywhereDoesNothing(t *testing.T) {
	engine := counting{applied: &atomic.Int32{}}
	_, path := serveWith(t, engine)
	message := `{"jsonrpc":"2.0","id":1,"method":"apply","params":{"desired":{"device":null,"routes":[],"peers":[]}}}`
	for length := range len(message) {
		cut := connect(t, path)
		cut.say(hello)
		cut.expectResult()
		_, _ = io.WriteString(cut.socket, message[:length])
		_ = cut.socket.(*net.UnixConn).CloseWrite()
		for {
			if _, err := cut.hear(); err != nil {
				break
			}
		}
		_ = cut.socket.Close()
	}
	if applied := engine.applied.Load(); applied != 0 {
		t.Errorf("applied %d times", applied)
	}
	whole := connect(t, path)
	whole.say(hello)
	whole.expectResult()
	whole.say(message)
	whole.expectResult()
	if applied := engine.applied.Load(); applied != 1 {
		t.Errorf("applied %d times in the end", applied)
	}
}

func TestThoseWhoFloodTheSocketAndNeverReadKeepNobodyElseFromAnAnswer(t *testing.T) {
	_, path := serve(t)
	for range connectionsMax - 1 {
		flooder := connect(t, path)
		_ = flooder.socket.SetWriteDeadline(time.Now().Add(10 * time.Second))
		flood := hello + "\n" + strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"state","params":{}}`+"\n", 20_000)
		go func() { _, _ = io.WriteString(flooder.socket, flood) }()
	}
	good := connect(t, path)
	_ = good.socket.SetDeadline(time.Now().Add(10 * time.Second))
	good.say(hello)
	good.expectResult()
	for range 100 {
		good.say(`{"jsonrpc":"2.0","id":2,"method":"state","params":{}}`)
		good.expectResult()
	}
}
