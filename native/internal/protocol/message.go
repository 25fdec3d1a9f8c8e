// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/json"
)

// LineLengthMax bounds one message, its newline not counted.
const LineLengthMax = 4 << 20

// A Request is one call. ID goes back as it came; Params is a tree that its method's reader checks.
type Request struct {
	ID     json.RawMessage
	Method string
	Params any
}

// ReadRequest reads one line. After a fault nothing on the connection can be trusted any more.
func ReadRequest(line []byte) (*Request, *Fault) {
	tree, err := parseTree(line)
	if err != nil {
		return nil, Faultf(CodeParse, "not JSON: %v", err)
	}
	fields, ok := tree.(map[string]any)
	if !ok {
		return nil, Faultf(CodeInvalidRequest, "not a JSON-RPC request object")
	}
	if fields["jsonrpc"] != "2.0" {
		return nil, Faultf(CodeInvalidRequest, `"jsonrpc" is not "2.0"`)
	}
	for name := range fields {
		switch name {
		case "jsonrpc", "id", "method", "params":
		default:
			return nil, Faultf(CodeInvalidRequest, "%q is no member of a JSON-RPC request", shown(name))
		}
	}
	request := &Request{Params: fields["params"]}
	if request.Method, ok = fields["method"].(string); !ok {
		return nil, Faultf(CodeInvalidRequest, `"method" is not a string`)
	}
	switch id := fields["id"].(type) {
	case string, json.Number:
		request.ID, err = json.Marshal(id)
	default:
		return nil, Faultf(CodeInvalidRequest, `"id" is not a string or a number`)
	}
	if err != nil {
		return nil, Faultf(CodeInvalidRequest, `"id" is malformed`)
	}
	if request.Params == nil {
		request.Params = map[string]any{}
	}
	return request, nil
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Fault   *Fault          `json:"error,omitempty"`
}

type notification struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

// ResultLine is the answer to a request that succeeded.
func ResultLine(id json.RawMessage, result any) []byte {
	return line(response{Version: "2.0", ID: id, Result: result})
}

// FaultLine is the answer to a request that failed; id is nil if it could not be read.
func FaultLine(id json.RawMessage, fault *Fault) []byte {
	return line(response{Version: "2.0", ID: id, Fault: fault})
}

// EventLine is a notification.
func EventLine(event Event) []byte {
	return line(notification{Version: "2.0", Method: event.Method(), Params: event})
}

func line(message any) []byte {
	text, err := json.Marshal(message)
	if err != nil {
		// Everything that goes out is of our own types, which can all be encoded.
		panic(err)
	}
	return append(text, '\n')
}
