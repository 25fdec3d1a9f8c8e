// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

func TestAddressesOfOneFamilyDoNotLeakIntoTheOther(t *testing.T) {
	sockets := &families{}
	if _, _, err := sockets.Open(0); err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	for _, host := range []string{"127.0.0.1", "::1", "127.0.0.1", "::1"} {
		listener, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
		if err != nil {
			t.Fatal(err)
		}
		to := listener.LocalAddr().(*net.UDPAddr).AddrPort()
		if err := sockets.Send([][]byte{{1}}, &conn.StdNetEndpoint{AddrPort: to}); err != nil {
			t.Errorf("%s: %v", to, err)
		}
		_ = listener.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := listener.ReadFromUDPAddrPort(make([]byte, 1)); err != nil {
			t.Errorf("%s heard nothing: %v", to, err)
		}
		_ = listener.Close()
	}
}

func TestSocketsOpenAgainAfterTheyWereClosed(t *testing.T) {
	sockets := &families{}
	_, port, err := sockets.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := sockets.Close(); err != nil {
		t.Error(err)
	}
	if err := sockets.Send([][]byte{{1}}, &conn.StdNetEndpoint{}); err == nil {
		t.Error("closed sockets send")
	}
	if _, again, err := sockets.Open(port); err != nil || port != 0 && again != port {
		t.Errorf("port %d, then %d, %v", port, again, err)
	}
	_ = sockets.Close()
}

func TestNothingIsCutWhileADatagramIsToStayWhole(t *testing.T) {
	sockets := &families{}
	if _, _, err := sockets.Open(0); err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	for _, to := range []string{"127.0.0.1:9", "[::1]:9"} {
		to := netip.MustParseAddrPort(to)
		mode := func() int {
			value, err := sockets.opened.Load().discovery(to.Addr().Is4(), nil)
			if err != nil {
				t.Error(err)
			}
			return value
		}
		before, during := mode(), 0
		failure := errors.New("not sent")
		err := sockets.whole(to, func() error { during = mode(); return failure })
		if !errors.Is(err, failure) {
			t.Errorf("%s: %v", to, err)
		}
		if during != unix.IP_PMTUDISC_PROBE || before == during || mode() != before {
			t.Errorf("%s: %d, then %d, then %d", to, before, during, mode())
		}
	}
	_ = sockets.Close()
	if err := sockets.whole(netip.MustParseAddrPort("127.0.0.1:9"), func() error { return nil }); err == nil {
		t.Error("closed sockets send")
	}
}
