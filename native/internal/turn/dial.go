// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dialTime = 5 * time.Second
	// unsentMax is how much a connection lets wait in the kernel. Without this bound a slow one would
	// hold megabytes, and every packet would be seconds late.
	unsentMax = 128 << 10
	// unheardMax is how long the kernel goes on with a server that acknowledges nothing.
	unheardMax = 10 * time.Second
)

// A link carries frames to the server and back.
type link interface {
	// message sends one STUN message.
	message(raw []byte) error
	// data sends datagrams over a channel, and may wait for so long until there is room for them.
	data(number uint16, datagrams [][]byte, patience time.Duration) error
	// receive hands over each frame that comes, until the link ends. A frame may carry padding. In a
	// stream a channel that is not bound is taken for what it is: not TURN.
	receive(take func(frame []byte), isBound func(number uint16) bool) error
	close()
}

// dial makes one of the server's addresses a link; which one changes with each attempt.
func dial(ctx context.Context, server Server, attempt int) (link, netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	addresses, err := resolve(ctx, server.Host)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	to := netip.AddrPortFrom(addresses[attempt%len(addresses)].Unmap(), server.Port)
	config, err := tlsConfig(server)
	if err != nil {
		return nil, to, err
	}
	network := "tcp"
	if server.Transport == UDP {
		network = "udp"
	}
	// The refreshes find out what keepalives would.
	prepared := func(network, address string, raw syscall.RawConn) error {
		return errors.Join(prepare(network, raw), server.Mark.Control(network, address, raw))
	}
	dialer := net.Dialer{KeepAlive: -1, Control: prepared}
	connection, err := dialer.DialContext(ctx, network, to.String())
	if err != nil {
		return nil, to, fail(Unreachable, "%v", err)
	}
	leave := server.Mark.Join(connection.(syscall.Conn))
	if socket, ok := connection.(*net.UDPConn); ok {
		return marked{newDatagrams(socket), leave}, to, nil
	}
	if config != nil {
		secured := tls.Client(connection, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = connection.Close()
			leave()
			return nil, to, fail(causeOfHandshake(err), "%v", err)
		}
		connection = secured
	}
	return marked{newStream(connection), leave}, to, nil
}

// A marked link's socket follows the firewall mark until it is closed.
type marked struct {
	link
	leave func()
}

func (m marked) close() {
	m.link.close()
	m.leave()
}

func resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addresses) == 0 {
		err = errors.New("it has no address")
	}
	if err != nil {
		return nil, fail(NameNotResolved, "%s: %v", host, err)
	}
	return addresses, nil
}

func tlsConfig(server Server) (*tls.Config, error) {
	if server.Transport != TLS {
		return nil, nil
	}
	config := &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true}
	if server.CAFile == "" {
		return config, nil
	}
	text, err := os.ReadFile(server.CAFile)
	if err != nil {
		return nil, fail(CAUnreadable, "%v", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, fail(CAUnreadable, "%s has no certificate in PEM", server.CAFile)
	}
	return config, nil
}

// causeOfHandshake tells a server that is not to be trusted from one that is just going away.
func causeOfHandshake(err error) Cause {
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var alert tls.AlertError
	if errors.As(err, &untrusted) || errors.As(err, &notTLS) || errors.As(err, &alert) {
		return TLSRefused
	}
	return Unreachable
}

func prepare(network string, raw syscall.RawConn) error {
	if network[:3] != "tcp" {
		return nil
	}
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMax),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unheardMax.Milliseconds())),
		)
	})
	return errors.Join(err, failed)
}
