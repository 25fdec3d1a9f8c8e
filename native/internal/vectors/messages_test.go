// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"encoding/json"
	"net/netip"
	"testing"

	"meshgate.dev/native/internal/protocol"
)

type messages struct {
	Description string          `json:"description"`
	Requests    []requestVector `json:"requests"`
	Refused     []refusedLine   `json:"refusedRequests"`
	Results     []resultVector  `json:"results"`
	Errors      []any           `json:"errors"`
	Events      []any           `json:"events"`
}

type requestVector struct {
	Name string `json:"name"`
	Line any    `json:"line"`
}

type refusedLine struct {
	Name   string   `json:"name"`
	Text   string   `json:"text"`
	Code   int      `json:"code"`
	Closes bool     `json:"closes"`
	Fields []string `json:"fields,omitempty"`
}

type resultVector struct {
	Method string `json:"method"`
	Line   any    `json:"line"`
}

const messagesDescription = "requests are accepted as they stand, apart from what only a running helper can know. " +
	"refusedRequests are answered with the code; with closes the connection then ends; fields are those named in data.problems. " +
	"results, errors and events are whole lines that a helper sends."

func buildMessages(t *testing.T) messages {
	all := messages{Description: messagesDescription}
	for _, request := range requestExamples() {
		line := map[string]any{"jsonrpc": "2.0", "id": 1, "method": request.method, "params": request.params}
		text := encode(t, line)
		read, fault := protocol.ReadRequest(text)
		if fault == nil {
			fault = readParams(read)
		}
		if fault != nil {
			t.Errorf("%s is refused: %v", text, fault)
		}
		all.Requests = append(all.Requests, requestVector{request.method, line})
	}
	for _, refused := range refusedExamples() {
		read, fault := protocol.ReadRequest([]byte(refused.Text))
		refused.Closes = fault != nil
		if fault == nil {
			fault = readParams(read)
		}
		if fault == nil || fault.Code != refused.Code {
			t.Errorf("%s: %v, want code %d", refused.Name, fault, refused.Code)
			continue
		}
		refused.Fields = fieldsOf(fault)
		all.Refused = append(all.Refused, refused)
	}
	id := json.RawMessage("1")
	for _, result := range resultExamples() {
		line := decode(t, protocol.ResultLine(id, result.value))
		all.Results = append(all.Results, resultVector{result.method, line})
	}
	for _, fault := range faultExamples() {
		all.Errors = append(all.Errors, decode(t, protocol.FaultLine(id, fault)))
	}
	for _, event := range eventExamples() {
		all.Events = append(all.Events, decode(t, protocol.EventLine(event)))
	}
	return all
}

func readParams(request *protocol.Request) (fault *protocol.Fault) {
	switch request.Method {
	case "hello", "carry":
		_, fault = protocol.ReadHello(request.Params)
	case "apply":
		_, fault = protocol.ReadApply(request.Params)
	case "state", "shutdown":
		fault = protocol.ReadNothing(request.Params)
	case "probe":
		_, fault = protocol.ReadProbe(request.Params)
	case "search":
		_, fault = protocol.ReadSearch(request.Params)
	case "stop-search":
		_, fault = protocol.ReadStopSearch(request.Params)
	case "send-datagram":
		_, fault = protocol.ReadDatagram(request.Params)
	case "echo":
		_, fault = protocol.ReadEcho(request.Params)
	case "measure":
		_, fault = protocol.ReadMeasure(request.Params)
	}
	return fault
}

func fieldsOf(fault *protocol.Fault) (fields []string) {
	problems, _ := fault.Data.(protocol.Problems)
	for _, problem := range problems.Problems {
		fields = append(fields, problem.Field)
	}
	return fields
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func number(n int64) *int64    { return &n }
func truth(is bool) *bool      { return &is }
func name(text string) *string { return &text }

func pointer[T any](value T) *T { return &value }

func endpoint(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
func prefix(text string) netip.Prefix     { return netip.MustParsePrefix(text) }
