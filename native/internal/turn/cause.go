// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"errors"
	"fmt"

	"github.com/pion/stun/v4"
)

// A Cause is why there is no allocation; empty is no cause.
type Cause string

// The causes; there are no others.
const (
	NameNotResolved    Cause = "name-not-resolved"
	Unreachable        Cause = "unreachable"
	CAUnreadable       Cause = "ca-unreadable"
	TLSRefused         Cause = "tls-refused"
	ServerSilent       Cause = "server-silent"
	Nonsense           Cause = "nonsense"
	CredentialsRefused Cause = "credentials-refused"
	QuotaReached       Cause = "quota-reached"
	NoCapacity         Cause = "no-capacity"
	AllocationLost     Cause = "allocation-lost"
	ConnectionLost     Cause = "connection-lost"
	Refused            Cause = "refused"
)

// A failure is an error whose cause is known.
type failure struct {
	cause  Cause
	detail string
}

func (f *failure) Error() string { return f.detail }

func fail(cause Cause, format string, args ...any) error {
	return &failure{cause: cause, detail: fmt.Sprintf(format, args...)}
}

func causeOf(err error) Cause {
	var known *failure
	if errors.As(err, &known) {
		return known.cause
	}
	return ConnectionLost
}

// lasting tells causes that another attempt in a second would only meet again, and that a server
// might take for an attack.
func (cause Cause) lasting() bool {
	switch cause {
	case CAUnreadable, TLSRefused, CredentialsRefused, QuotaReached, NoCapacity, Refused:
		return true
	}
	return false
}

// refusal says what an error response means. Some servers answer wrong credentials with 400.
func refusal(method stun.Method, code stun.ErrorCodeAttribute, signed bool) error {
	cause := Refused
	switch {
	case code.Code == stun.CodeUnauthorized, code.Code == stun.CodeWrongCredentials,
		code.Code == stun.CodeBadRequest && signed && method == stun.MethodAllocate:
		cause = CredentialsRefused
	case code.Code == stun.CodeAllocMismatch:
		cause = AllocationLost
	case code.Code == stun.CodeAllocQuotaReached:
		cause = QuotaReached
	case code.Code == stun.CodeInsufficientCapacity:
		cause = NoCapacity
	}
	return fail(cause, "the server answers %d %s to the request to %s", code.Code, printable(code.Reason), method)
}

// printable bounds and cleans a text of the server's.
func printable(text []byte) string {
	const lengthMax = 64
	kept := make([]byte, 0, lengthMax)
	for _, c := range text {
		if c >= ' ' && c <= '~' && len(kept) < lengthMax {
			kept = append(kept, c)
		}
	}
	return string(kept)
}
