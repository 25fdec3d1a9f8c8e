// SPDX-License-Identifier: Apache-2.0

package userspace

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/ipc"
)

// uapiPatience is how long `wg` may take for one question.
const uapiPatience = 5 * time.Second

// uapi shows the device to `wg show`. It takes no changes: what the agent desires would no longer be
// what is, and neither would know.
type uapi struct {
	listener net.Listener
}

func listenUAPI(name string, wireguard *device.Device) (*uapi, error) {
	file, err := ipc.UAPIOpen(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	listener, err := ipc.UAPIListen(name, file)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go answerUAPI(connection, wireguard)
		}
	}()
	return &uapi{listener: listener}, nil
}

func (u *uapi) close() { _ = u.listener.Close() }

func answerUAPI(connection net.Conn, wireguard *device.Device) {
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(uapiPatience))
	operation, err := bufio.NewReaderSize(connection, 64).ReadSlice('\n')
	if err != nil {
		return
	}
	if string(operation) != "get=1\n" {
		fmt.Fprintf(connection, "errno=%d\n\n", unix.EPERM)
		return
	}
	text := &bytes.Buffer{}
	if err := wireguard.IpcGetOperation(text); err != nil {
		fmt.Fprintf(connection, "errno=%d\n\n", unix.EIO)
		return
	}
	// A peer without a path has no endpoint, which wg knows only as no line at all.
	shown := bytes.ReplaceAll(text.Bytes(), []byte("\nendpoint=\n"), []byte("\n"))
	_, _ = connection.Write(append(shown, "errno=0\n\n"...))
}
