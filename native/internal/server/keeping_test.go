// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

// changing is an engine to which everything is new.
type changing struct{ still }

func (changing) Apply(*protocol.Desired) (protocol.Applied, *protocol.Fault) {
	return protocol.Applied{Generation: 1, Changed: []string{"device create"}}, nil
}

// full is a disk without room, until there is some.
type full struct {
	hasRoom bool
	kept    []byte
}

func (f *full) Save(document []byte) error {
	if !f.hasRoom {
		return syscall.ENOSPC
	}
	f.kept = document
	return nil
}

func (f *full) Remove() error { return syscall.EROFS }

func TestAFullDiskKeepsNobodyFromWhatIsApplied(t *testing.T) {
	key := func(of byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{of}, protocol.KeySize))
	}
	device := fmt.Sprintf(`{"name":"meshgate0","mtu":1280,"listenPort":0,"privateKey":"%s","probeKey":"%s",`+
		`"addresses":["10.7.0.1/16"],"stunServer":false,"relay":false}`, key(1), key(2))
	apply := func(device string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"apply","params":{"desired":{"device":` + device + `,"routes":[],"peers":[]}}}`
	}
	said, disk := &bytes.Buffer{}, &full{}
	server, path := serveWith(t, changing{})
	server.log, server.kept = slog.New(slog.NewTextHandler(said, nil)), disk
	a := connect(t, path)
	a.say(hello)
	a.expectResult()
	for _, one := range []string{device, "null"} {
		a.say(apply(one))
		a.expectResult()
	}
	if disk.kept != nil || !strings.Contains(said.String(), "not kept") || !strings.Contains(said.String(), "stays") {
		t.Errorf("kept %s, said %s", disk.kept, said)
	}
	disk.hasRoom = true
	a.say(apply(device))
	a.expectResult()
	if !bytes.Contains(disk.kept, []byte("meshgate0")) {
		t.Errorf("kept %s once there was room", disk.kept)
	}
}
