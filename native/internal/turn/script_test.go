// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// A script is a link to a server that answers the first request with the first line, and so on.
type script struct {
	link
	lines []func(request *stun.Message) *stun.Message
	asked []*stun.Message
	asker *asker
}

func (s *script) message(raw []byte) error {
	request := &stun.Message{Raw: append([]byte(nil), raw...)}
	if err := request.Decode(); err != nil {
		return err
	}
	s.asked = append(s.asked, request)
	if len(s.lines) > 0 {
		line := s.lines[0]
		s.lines = s.lines[1:]
		go func() { _, _ = s.asker.client.HandleInbound(line(request).Raw, nil) }()
	}
	return nil
}

func answer(class stun.MessageClass, setters ...stun.Setter) func(request *stun.Message) *stun.Message {
	return func(request *stun.Message) *stun.Message {
		begin := []stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), stun.NewType(request.Type.Method, class)}
		return stun.MustBuild(append(begin, setters...)...)
	}
}

func challenge(code stun.ErrorCode, nonce string) func(request *stun.Message) *stun.Message {
	return answer(stun.ClassErrorResponse, code, stun.NewRealm(realm), stun.NewNonce(nonce))
}

var key = stun.NewLongTermIntegrity("anna", realm, "secret")

func play(t *testing.T, lines ...func(request *stun.Message) *stun.Message) (*script, func() error) {
	t.Helper()
	s := &script{lines: lines}
	server := Server{Transport: TCP, Credentials: Credentials{Username: "anna", Password: "secret"}}
	var err error
	if s.asker, err = newAsker(s, server, time.Now(), 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	return s, func() error {
		_, err := s.asker.ask(context.Background(), stun.MethodRefresh)
		return err
	}
}

func nonceOf(t *testing.T, request *stun.Message) string {
	t.Helper()
	var nonce stun.Nonce
	if err := errors.Join(nonce.GetFrom(request), key.Check(request)); err != nil {
		t.Error(err)
	}
	return nonce.String()
}

func TestANonceThatHasBecomeStaleIsReplacedAndTheRequestRepeated(t *testing.T) {
	success := answer(stun.ClassSuccessResponse, key)
	s, ask := play(t,
		challenge(stun.CodeUnauthorized, "first"), success,
		challenge(stun.CodeStaleNonce, "second"), success,
		challenge(stun.CodeUnauthorized, "third"), success)
	for range 3 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	for i, nonce := range map[int]string{1: "first", 2: "first", 3: "second", 4: "second", 5: "third"} {
		if got := nonceOf(t, s.asked[i]); got != nonce {
			t.Errorf("request %d has nonce %s, want %s", i, got, nonce)
		}
	}
}

func TestAServerThatWantsANewNonceEachTimeIsGivenUp(t *testing.T) {
	stale := challenge(stun.CodeStaleNonce, "stale")
	s, ask := play(t, stale, stale, stale, stale, stale)
	if err := ask(); causeOf(err) != Refused || len(s.asked) != triesMax {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

func TestAnAnswerHasACause(t *testing.T) {
	refuse := func(code stun.ErrorCode) func(request *stun.Message) *stun.Message {
		return answer(stun.ClassErrorResponse, stun.ErrorCodeAttribute{Code: code, Reason: []byte("no\x1b[31m way")})
	}
	for _, step := range []struct {
		cause Cause
		line  func(request *stun.Message) *stun.Message
	}{
		{AllocationLost, refuse(stun.CodeAllocMismatch)},
		{QuotaReached, refuse(stun.CodeAllocQuotaReached)},
		{NoCapacity, refuse(stun.CodeInsufficientCapacity)},
		{CredentialsRefused, refuse(stun.CodeWrongCredentials)},
		{CredentialsRefused, challenge(stun.CodeUnauthorized, "again")},
		{Refused, refuse(stun.CodeForbidden)},
		{Refused, refuse(stun.CodeBadRequest)},
		{Nonsense, answer(stun.ClassErrorResponse)},
		{Nonsense, answer(stun.ClassSuccessResponse)},
		{Nonsense, answer(stun.ClassSuccessResponse, stun.NewLongTermIntegrity("anna", realm, "wrong"))},
		{Nonsense, func(request *stun.Message) *stun.Message {
			return stun.MustBuild(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess)
		}},
		{Nonsense, answer(stun.ClassErrorResponse, stun.CodeStaleNonce)},
	} {
		_, ask := play(t, challenge(stun.CodeUnauthorized, "nonce"), step.line)
		if err := ask(); causeOf(err) != step.cause {
			t.Errorf("%v, want %s", err, step.cause)
		}
	}
	if _, ask := play(t); causeOf(ask()) != ServerSilent {
		t.Error("silence is not told")
	}
}

func TestWhatAServerSaysIsCleanedAndBounded(t *testing.T) {
	if got := printable([]byte("no\x1b[31m way" + string(make([]byte, 500)))); got != "no[31m way" {
		t.Errorf("%q", got)
	}
}
