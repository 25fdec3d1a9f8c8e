// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net"
	"reflect"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

// families are wireguard-go's own sockets, used so that IPv4 and IPv6 do not meet when sending. A
// StdNetBind keeps one pool of addresses for both, and an address that was IPv4 takes over only four
// bytes when it is used for IPv6: datagrams of a host with peers of both families go astray.
type families struct {
	opened atomic.Pointer[pair]
}

// A pair shares its sockets and nothing else.
type pair struct {
	ipv4 *conn.StdNetBind
	ipv6 *conn.StdNetBind
}

var _ conn.Bind = (*families)(nil)

func (f *families) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	if f.opened.Load() != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	std := conn.NewStdNetBind().(*conn.StdNetBind)
	receivers, actual, err := std.Open(port)
	if err != nil {
		return nil, 0, err
	}
	// The copy is made before anything was pooled or locked, which is the only time when it may be.
	twin := &conn.StdNetBind{}
	reflect.ValueOf(twin).Elem().Set(reflect.ValueOf(std).Elem())
	f.opened.Store(&pair{ipv4: std, ipv6: twin})
	return receivers, actual, nil
}

func (f *families) Close() error {
	if opened := f.opened.Swap(nil); opened != nil {
		return opened.ipv4.Close()
	}
	return nil
}

func (f *families) Send(packets [][]byte, endpoint conn.Endpoint) error {
	opened := f.opened.Load()
	if opened == nil {
		return net.ErrClosed
	}
	sockets := opened.ipv4
	if endpoint.DstIP().Is6() {
		sockets = opened.ipv6
	}
	err := sockets.Send(packets, endpoint)
	if len(packets) == 1 || !errors.Is(err, unix.EMSGSIZE) {
		return err
	}
	// Segments larger than the path are refused; single datagrams the kernel fragments.
	for i := range packets {
		if err := sockets.Send(packets[i:i+1], endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (f *families) SetMark(mark uint32) error {
	if opened := f.opened.Load(); opened != nil {
		return opened.ipv4.SetMark(mark)
	}
	return nil
}

func (f *families) ParseEndpoint(string) (conn.Endpoint, error) { return nil, errForeignEndpoint }

func (f *families) BatchSize() int { return conn.IdealBatchSize }
