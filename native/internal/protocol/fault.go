// SPDX-License-Identifier: Apache-2.0

package protocol

import "fmt"

// Version is the protocol that this helper speaks.
const Version = 1

// Codes of PROTOCOL.md, section Errors.
const (
	CodeParse                = -32700
	CodeInvalidRequest       = -32600
	CodeUnknownMethod        = -32601
	CodeInvalidParams        = -32602
	CodeHelloFirst           = -32001
	CodeProtocolNotSupported = -32002
	CodeRefused              = -32010
	CodeSystem               = -32011
	CodeTooMany              = -32020
	CodeNoReply              = -32030
	CodeTooLarge             = -32031
	CodeNoSuchPeer           = -32040
)

// Reasons of CodeSystem.
const (
	ReasonTunMissing   = "tun-missing"
	ReasonNotPermitted = "not-permitted"
	ReasonPortTaken    = "port-taken"
	ReasonNameTaken    = "name-taken"
	ReasonSystem       = "system"
)

// A Fault is an error as the agent gets to see it: a sentence for a person, and data for a program.
type Fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (fault *Fault) Error() string { return fault.Message }

// A Problem is one bad field. Value never holds a secret.
type Problem struct {
	Field   string `json:"field"`
	Value   any    `json:"value"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// Problems is the data of a refusal.
type Problems struct {
	Problems []Problem `json:"problems"`
}

// TooLarge is the data of CodeTooLarge: the largest IP packet that the path's first hop carries whole.
type TooLarge struct {
	MTU int `json:"mtu"`
}

// System is the data of CodeSystem.
type System struct {
	Reason string `json:"reason"`
	Remedy string `json:"remedy"`
}

// Faultf makes a fault without data.
func Faultf(code int, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// SystemFault says what the system refused and what would help.
func SystemFault(reason, remedy, format string, args ...any) *Fault {
	fault := Faultf(CodeSystem, format, args...)
	fault.Data = System{Reason: reason, Remedy: remedy}
	return fault
}

// Refusal names every bad field at once.
func Refusal(code int, problems []Problem) *Fault {
	first := problems[0]
	message := fmt.Sprintf("%s: %s", first.Field, first.Problem)
	if len(problems) > 1 {
		message += fmt.Sprintf(" (and %d more)", len(problems)-1)
	}
	return &Fault{Code: code, Message: message, Data: Problems{problems}}
}
