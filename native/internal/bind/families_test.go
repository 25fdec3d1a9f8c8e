// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net"
	"net/netip"
	"testing"
	"time"

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
