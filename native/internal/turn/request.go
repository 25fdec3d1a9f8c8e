// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/stdnet"
	pion "github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

const (
	// requestsPerSecond bounds what one server is asked.
	requestsPerSecond = 100
	// triesMax is enough for a challenge and for a nonce that has become stale meanwhile.
	triesMax = 3
	// firstResend is that of RFC 8489 where the network may lose a request.
	firstResend = 500 * time.Millisecond
)

// An asker asks one server, over one link, and signs what it asks as soon as the server wants that.
type asker struct {
	client   *pion.Client
	limiter  *rate.Limiter
	username stun.Username
	password string
	timeout  time.Duration

	mutex sync.Mutex
	signature
	// proven says that the server has taken the credentials once.
	proven bool
}

// A signature is what makes a request one of ours; without a key there is none yet.
type signature struct {
	realm stun.Realm
	nonce stun.Nonce
	key   stun.MessageIntegrity
}

// wire lets pion's client send over a link.
type wire struct {
	net.PacketConn
	link link
}

// WriteTo knows only one address. What cannot be sent is as good as lost, and sent again.
func (w wire) WriteTo(raw []byte, _ net.Addr) (int, error) {
	_ = w.link.message(raw)
	return len(raw), nil
}

type silentLogs struct{}

func (silentLogs) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}

func newAsker(over link, server Server, now time.Time, timeout time.Duration) (*asker, error) {
	resend := firstResend
	if server.Transport != UDP {
		resend = 2 * timeout
	}
	client, err := pion.NewClient(&pion.ClientConfig{
		Conn: wire{link: over}, RTO: resend, Net: &stdnet.Net{}, LoggerFactory: silentLogs{},
		RequestedAddressFamily: pion.RequestedAddressFamilyIPv4,
	})
	if err != nil {
		return nil, err
	}
	username, password := server.Credentials.at(now)
	return &asker{
		client: client, username: stun.NewUsername(username), password: password, timeout: timeout,
		limiter: rate.NewLimiter(requestsPerSecond, requestsPerSecond),
	}, nil
}

// ask gives the success response, or a failure. It may be called by many at once.
func (a *asker) ask(ctx context.Context, method stun.Method, attributes ...stun.Setter) (*stun.Message, error) {
	for try := 1; ; try++ {
		if err := a.limiter.Wait(ctx); err != nil {
			return nil, err
		}
		a.mutex.Lock()
		signed, proven := a.signature, a.proven
		a.mutex.Unlock()
		answer, err := a.askOnce(ctx, method, signed, attributes)
		if err != nil {
			return nil, err
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			if signed.key != nil && signed.key.Check(answer) != nil {
				return nil, fail(Nonsense, "the server's answer to the request to %s is not signed with the password", method)
			}
			a.mutex.Lock()
			a.proven = true
			a.mutex.Unlock()
			return answer, nil
		}
		var code stun.ErrorCodeAttribute
		if answer.Type.Class != stun.ClassErrorResponse || code.GetFrom(answer) != nil {
			return nil, fail(Nonsense, "the server's answer to the request to %s is none", method)
		}
		challenged := code.Code == stun.CodeStaleNonce ||
			code.Code == stun.CodeUnauthorized && (signed.key == nil || proven && try == 1)
		if !challenged || try == triesMax {
			return nil, refusal(method, code, signed.key != nil)
		}
		if err := a.adopt(answer); err != nil {
			return nil, err
		}
	}
}

func (a *asker) askOnce(
	ctx context.Context, method stun.Method, signed signature, attributes []stun.Setter,
) (*stun.Message, error) {
	setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
	if signed.key != nil {
		setters = append(setters, a.username, signed.realm, signed.nonce, signed.key)
	}
	request, err := stun.Build(append(setters, stun.Fingerprint)...)
	if err != nil {
		return nil, fail(Refused, "the request to %s cannot be made: %v", method, err)
	}
	patient, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	result, err := a.client.PerformTransactionWithContext(request, &net.UDPAddr{}, false, patient)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fail(ServerSilent, "the server does not answer the request to %s", method)
	}
	if result.Msg.Type.Method != method {
		return nil, fail(Nonsense, "the server answers a request to %s with %s", method, result.Msg.Type)
	}
	return result.Msg, nil
}

// adopt takes over what the server wants requests to be signed with.
func (a *asker) adopt(answer *stun.Message) error {
	var asked signature
	if asked.nonce.GetFrom(answer) != nil {
		return fail(Nonsense, "the server wants requests signed and does not say how")
	}
	asked.nonce = bytes.Clone(asked.nonce)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if asked.realm.GetFrom(answer) != nil {
		asked.realm = a.realm
	}
	asked.realm = bytes.Clone(asked.realm)
	asked.key = stun.NewLongTermIntegrity(a.username.String(), asked.realm.String(), a.password)
	a.signature = asked
	return nil
}

// release gives the allocation back without waiting for an answer.
func (a *asker) release(over link) {
	a.mutex.Lock()
	signed := a.signature
	a.mutex.Unlock()
	setters := []stun.Setter{stun.TransactionID, stun.NewType(stun.MethodRefresh, stun.ClassRequest), lifetimeOf(0)}
	if signed.key != nil {
		setters = append(setters, a.username, signed.realm, signed.nonce, signed.key)
	}
	if request, err := stun.Build(append(setters, stun.Fingerprint)...); err == nil {
		_ = over.message(request.Raw)
	}
}
