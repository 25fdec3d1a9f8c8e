// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0czA="

func TestASecretIsNeverRepeated(t *testing.T) {
	line := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"desired":{
		"device":{"name":"","mtu":0,"listenPort":0,"privateKey":"%[1]sx","probeKey":["%[1]s"],"addresses":[],"stunServer":false},
		"routes":[],"peers":[{"presharedKey":"x%[1]s"}]}}}`, secret)
	request, fault := ReadRequest([]byte(line))
	if fault != nil {
		t.Fatal(fault)
	}
	_, fault = ReadApply(request.Params)
	text := string(FaultLine(request.ID, fault))
	if strings.Contains(text, secret) || !strings.Contains(text, hidden) {
		t.Errorf("the refusal is %s", text)
	}
}

func TestARefusalOfAHopelessDocumentIsShort(t *testing.T) {
	peers := strings.Repeat(`{},`, PeersMax-1) + `{}`
	request, fault := ReadRequest([]byte(`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"desired":{"peers":[` + peers + `]}}}`))
	if fault != nil {
		t.Fatal(fault)
	}
	_, fault = ReadApply(request.Params)
	if problems := fault.Data.(Problems).Problems; len(problems) != problemsMax {
		t.Errorf("%d problems", len(problems))
	}
}

func TestALongValueIsCutBetweenCharacters(t *testing.T) {
	if got := shown(strings.Repeat("ö", 99)); got != strings.Repeat("ö", 50)+"..." {
		t.Errorf("got %q", got)
	}
	if got := shown("a" + strings.Repeat("ö", 99)); got != "a"+strings.Repeat("ö", 49)+"..." {
		t.Errorf("got %q", got)
	}
}

func TestAnIdGoesBackAsItCame(t *testing.T) {
	for _, id := range []string{`1`, `-7`, `"a"`, `"\u00f6"`, `1.5`} {
		request, fault := ReadRequest([]byte(`{"jsonrpc":"2.0","method":"state","id":` + id + `}`))
		if fault != nil {
			t.Fatal(fault)
		}
		var want, got any
		if json.Unmarshal([]byte(id), &want) != nil || json.Unmarshal(request.ID, &got) != nil || want != got {
			t.Errorf("%s comes back as %s", id, request.ID)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	if _, err := parseTree([]byte(deep)); err != errDepth {
		t.Errorf("got %v", err)
	}
}

func TestOnlyUTF8IsRead(t *testing.T) {
	if _, err := parseTree([]byte("\"\xff\"")); err != errUTF8 {
		t.Errorf("got %v", err)
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"client":"x"}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"probe","params":{"peer":"x","endpoint":"1.2.3.4:5","transaction":"00"}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":"a","method":"echo","params":{"sizeBytes":1e3,"timeoutMs":-1}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		request, fault := ReadRequest(text)
		if fault == nil {
			for _, read := range []func(any) *Fault{
				func(tree any) *Fault { _, fault := ReadHello(tree); return fault },
				func(tree any) *Fault { _, fault := ReadApply(tree); return fault },
				func(tree any) *Fault { _, fault := ReadProbe(tree); return fault },
				func(tree any) *Fault { _, fault := ReadDatagram(tree); return fault },
				func(tree any) *Fault { _, fault := ReadEcho(tree); return fault },
				ReadNothing,
			} {
				if fault := read(request.Params); fault != nil {
					checkLine(t, FaultLine(request.ID, fault))
				}
			}
			checkLine(t, ResultLine(request.ID, struct{}{}))
			return
		}
		checkLine(t, FaultLine(nil, fault))
	})
}

func checkLine(t *testing.T, line []byte) {
	t.Helper()
	if !json.Valid(line) || bytes.Count(line, []byte{'\n'}) != 1 {
		t.Errorf("not a line of JSON: %q", line)
	}
}

func FuzzReadDesired(f *testing.F) {
	f.Add([]byte(`{"device":null,"routes":[],"peers":[]}`))
	f.Add([]byte(`{"device":{"name":"a","mtu":1280,"listenPort":0,"privateKey":"` + secret + `","probeKey":"` + secret +
		`","addresses":["10.7.0.1/16","fd12::1/48"],"stunServer":true},"routes":[{"destination":"10.9.0.0/16","mtu":1280}],"peers":[{"publicKey":"` +
		secret + `","probeKey":"` + secret + `","allowedIps":["10.7.0.2/32"],"echoAddress":"10.7.0.2","keepaliveMs":1000,"paths":[{"id":"a","kind":"direct","endpoint":"192.0.2.1:1"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := parseTree(text)
		if err != nil {
			return
		}
		desired, problems := ReadDesired(tree)
		if (desired == nil) != (len(problems) > 0) {
			t.Errorf("%s: %v and %v", text, desired, problems)
		}
		if len(problems) > 0 {
			checkLine(t, FaultLine(nil, Refusal(CodeRefused, problems)))
			return
		}
		for _, peer := range desired.Peers {
			for _, path := range peer.Paths {
				if !path.Endpoint.IsValid() || path.Endpoint.Port() == 0 || path.ID == "" {
					t.Errorf("%s: accepted path %+v", text, path)
				}
			}
			for _, prefix := range peer.AllowedIPs {
				if prefix != prefix.Masked() {
					t.Errorf("%s: accepted prefix %s", text, prefix)
				}
			}
		}
	})
}
