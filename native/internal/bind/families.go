// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

// families are wireguard-go's own sockets, used so that IPv4 and IPv6 do not meet when sending. A
// StdNetBind keeps one pool of addresses for both, and an address that was IPv4 takes over only four
// bytes when it is used for IPv6: datagrams of a host with peers of both families go astray.
type families struct {
	opened atomic.Pointer[pair]
	// tellsApart is whether it matters to which of our addresses datagrams come.
	tellsApart atomic.Bool
	// wholeTurn is of whoever has set that nothing is cut.
	wholeTurn sync.Mutex
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
	theirs, actual, err := std.Open(port)
	if err != nil {
		return nil, 0, err
	}
	var receivers []conn.ReceiveFunc
	for _, field := range []string{"ipv4PC", "ipv6PC"} {
		// The package lets nobody see its sockets.
		if socket := reflect.ValueOf(std).Elem().FieldByName(field); !socket.IsNil() {
			own := reading(reflect.NewAt(socket.Type(), socket.Addr().UnsafePointer()).Elem().Interface().(batchReader))
			receivers = append(receivers, f.either(own, theirs[len(receivers)]))
		}
	}
	// The copy is made before anything was pooled or locked, which is the only time when it may be.
	twin := &conn.StdNetBind{}
	reflect.ValueOf(twin).Elem().Set(reflect.ValueOf(std).Elem())
	opened := &pair{ipv4: std, ipv6: twin}
	// IPv4's routers cut what is too large for the next hop, as they do with the kernel's WireGuard: nothing is lost
	// before the agent has measured what a path carries. Where there is no IPv4 there is nothing to set.
	omit := unix.IP_PMTUDISC_OMIT
	_, _ = opened.discovery(true, &omit)
	f.opened.Store(opened)
	return receivers, actual, nil
}

// either receives with wireguard-go's own receiver for as long as nothing is told apart.
func (f *families) either(own, theirs conn.ReceiveFunc) conn.ReceiveFunc {
	return func(packets [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
		if f.tellsApart.Load() {
			return own(packets, sizes, endpoints)
		}
		return theirs(packets, sizes, endpoints)
	}
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

// whole runs a sending for whose time nothing is cut that leaves for addresses of one family. What others send meanwhile
// is lost if it is larger than the path, and not cut: that is the time of one call.
func (f *families) whole(to netip.AddrPort, send func() error) error {
	opened := f.opened.Load()
	if opened == nil {
		return net.ErrClosed
	}
	isIPv4 := to.Addr().Is4()
	value := unix.IP_PMTUDISC_PROBE
	if !isIPv4 {
		value = unix.IPV6_PMTUDISC_PROBE
	}
	f.wholeTurn.Lock()
	defer f.wholeTurn.Unlock()
	before, err := opened.discovery(isIPv4, nil)
	if err == nil {
		_, err = opened.discovery(isIPv4, &value)
	}
	if err != nil {
		return err
	}
	err = send()
	_, restored := opened.discovery(isIPv4, &before)
	return errors.Join(err, restored)
}

// discovery is what the socket of one family does with packets that are too large; it sets that if it is given.
func (p *pair) discovery(isIPv4 bool, set *int) (value int, err error) {
	field, level, option := "ipv6", unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER
	if isIPv4 {
		field, level, option = "ipv4", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER
	}
	// The package lets nobody see its sockets.
	socket := (*net.UDPConn)(reflect.ValueOf(p.ipv4).Elem().FieldByName(field).UnsafePointer())
	if socket == nil {
		return 0, net.ErrClosed
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(fd uintptr) {
		if set != nil {
			err = unix.SetsockoptInt(int(fd), level, option, *set)
			return
		}
		value, err = unix.GetsockoptInt(int(fd), level, option)
	})
	return value, errors.Join(failed, err)
}

func (f *families) SetMark(mark uint32) error {
	if opened := f.opened.Load(); opened != nil {
		return opened.ipv4.SetMark(mark)
	}
	return nil
}

func (f *families) ParseEndpoint(string) (conn.Endpoint, error) { return nil, errForeignEndpoint }

func (f *families) BatchSize() int { return conn.IdealBatchSize }
