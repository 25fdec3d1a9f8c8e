// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"
)

const realm = "meshgate.test"

// A realServer is pion's, on loopback. Its fields are to be set before it is started.
type realServer struct {
	t         testing.TB
	transport Transport
	address   netip.AddrPort
	caFile    string
	secured   *tls.Config
	config    pion.ServerConfig
	permit    pion.PermissionHandler
	refusals  atomic.Int64
	running   *pion.Server
}

func newServer(t testing.TB, transport Transport) *realServer {
	s := &realServer{t: t, transport: transport, address: netip.MustParseAddrPort("127.0.0.1:0")}
	s.config = pion.ServerConfig{Realm: realm, LoggerFactory: silentLogs{}}
	s.config.AuthHandler = func(asked *pion.RequestAttributes) (string, []byte, bool) {
		if asked.Username != "anna" {
			s.refusals.Add(1)
			return "", nil, false
		}
		return "anna", pion.GenerateAuthKey("anna", realm, "secret"), true
	}
	return s
}

// start may be called again after stop, and takes the same port.
func (s *realServer) start() Server {
	s.t.Helper()
	generator := &pion.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	config := s.config
	if s.transport == UDP {
		socket, err := net.ListenPacket("udp", s.address.String())
		if err != nil {
			s.t.Fatal(err)
		}
		s.address = socket.LocalAddr().(*net.UDPAddr).AddrPort()
		config.PacketConnConfigs = []pion.PacketConnConfig{{
			PacketConn: socket, RelayAddressGenerator: generator, PermissionHandler: s.permit,
		}}
	} else {
		listener, err := net.Listen("tcp", s.address.String())
		if err != nil {
			s.t.Fatal(err)
		}
		s.address = listener.Addr().(*net.TCPAddr).AddrPort()
		if s.transport == TLS {
			if s.secured == nil {
				s.secured = s.certify("127.0.0.1")
			}
			listener = tls.NewListener(listener, s.secured)
		}
		config.ListenerConfigs = []pion.ListenerConfig{{
			Listener: listener, RelayAddressGenerator: generator, PermissionHandler: s.permit,
		}}
	}
	running, err := pion.NewServer(config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.running = running
	s.t.Cleanup(func() { _ = running.Close() })
	return Server{
		Transport: s.transport, Host: "127.0.0.1", Port: s.address.Port(), CAFile: s.caFile,
		Credentials: Credentials{Username: "anna", Password: "secret"},
	}
}

func (s *realServer) stop() { _ = s.running.Close() }

// certify makes a CA of its own, whose certificate is for that address only.
func (s *realServer) certify(address string) *tls.Config {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.ParseIP(address)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.caFile = filepath.Join(s.t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(s.caFile, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
