// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// expect waits for the one cause that an attempt ends with.
func expect(t *testing.T, server Server, cause Cause) Status {
	t.Helper()
	allocation, _ := openTest(t, server)
	until(t, "an attempt fails", func() bool { return allocation.Status().State == Failed })
	status := allocation.Status()
	if status.Cause != cause || status.Detail == "" || status.Relayed.IsValid() {
		t.Errorf("status %+v, want %s", status, cause)
	}
	t.Log(status.Detail)
	return status
}

func TestWrongCredentialsAreOneCauseAndAreNotTriedAgainAtOnce(t *testing.T) {
	each(t, func(t *testing.T, server *realServer) {
		where := server.start()
		where.Credentials.Username = "bert"
		expect(t, where, CredentialsRefused)
		time.Sleep(500 * time.Millisecond)
		if asked := server.refusals.Load(); asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
	server := newServer(t, UDP)
	where := server.start()
	where.Credentials.Password = "wrong"
	expect(t, where, CredentialsRefused)
}

func TestAQuotaIsACauseOfItsOwn(t *testing.T) {
	server := newServer(t, UDP)
	server.config.QuotaHandler = func(string, string, net.Addr) bool { return false }
	expect(t, server.start(), QuotaReached)
}

func TestAServerThatIsNotThere(t *testing.T) {
	free := newHost(t, "127.0.0.1:0")
	_ = free.Close()
	where := Server{Host: "127.0.0.1", Port: free.address.Port()}
	for transport, cause := range map[Transport]Cause{UDP: ServerSilent, TCP: Unreachable, TLS: Unreachable} {
		where.Transport = transport
		expect(t, where, cause)
	}
	where.Host = "turn.invalid"
	expect(t, where, NameNotResolved)
}

func TestAServerThatAnswersNonsense(t *testing.T) {
	liar := newHost(t, "127.0.0.1:0")
	go func() {
		buffer := make([]byte, 2_048)
		for {
			_, from, err := liar.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = liar.WriteToUDPAddrPort([]byte("220 mail.example ESMTP"), from)
		}
	}()
	expect(t, Server{Transport: UDP, Host: "127.0.0.1", Port: liar.address.Port()}, Nonsense)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		}
	}()
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	expect(t, Server{Transport: TCP, Host: "127.0.0.1", Port: port}, Nonsense)
	expect(t, Server{Transport: TLS, Host: "127.0.0.1", Port: port}, TLSRefused)
}

func TestACertificateMustBeForTheServerAndOfAKnownCA(t *testing.T) {
	server := newServer(t, TLS)
	where := server.start()
	allocation, _ := openTest(t, where)
	until(t, "it is up", func() bool { return allocation.Status().State == Up })

	wrongName := where
	wrongName.Host = "localhost"
	expect(t, wrongName, TLSRefused)
	unknownCA := where
	unknownCA.CAFile = ""
	expect(t, unknownCA, TLSRefused)
	noFile := where
	noFile.CAFile = filepath.Join(t.TempDir(), "none.pem")
	expect(t, noFile, CAUnreadable)
	noPEM := where
	noPEM.CAFile = filepath.Join(t.TempDir(), "text.pem")
	_ = os.WriteFile(noPEM.CAFile, []byte("no certificate"), 0o600)
	expect(t, noPEM, CAUnreadable)
}

func TestARefusedPeerDoesNotHurtTheOthers(t *testing.T) {
	server := newServer(t, UDP)
	server.permit = func(_ net.Addr, peer net.IP) bool { return !peer.Equal(net.IPv4(127, 0, 0, 2)) }
	allocation, inbox := openTest(t, server.start())
	refused, err := allocation.Path(netip.MustParseAddrPort("127.0.0.2:9"))
	if err != nil {
		t.Fatal(err)
	}
	peer := newHost(t, "127.0.0.1:0")
	path := upTo(t, allocation, peer.address)
	time.Sleep(4 * quick.again)
	if refused.SendNow([]byte("x")) == nil || path.SendNow([]byte("x")) != nil || inbox.was(Failed, CredentialsRefused)() {
		t.Errorf("status %+v", allocation.Status())
	}
}
