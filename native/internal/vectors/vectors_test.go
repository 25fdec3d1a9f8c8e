// SPDX-License-Identifier: Apache-2.0

// Package vectors pins the protocol with examples that the Go and the TypeScript tests both read.
package vectors

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write vectors.json instead of checking it")

const file = "../../vectors.json"

type document struct {
	Description     string           `json:"description"`
	Messages        messages         `json:"messages"`
	Desired         desired          `json:"desired"`
	Probes          probes           `json:"probes"`
	Relays          relays           `json:"relays"`
	Classifications []classification `json:"classifications"`
}

const description = "Examples of the helper's protocol, version 1; PROTOCOL.md explains them. " +
	"Written by `go test ./internal/vectors -update` in native/, and checked without -update. " +
	"All keys are made up from repeated bytes and belong to nobody."

func TestTheVectorsAreWhatTheCodeSays(t *testing.T) {
	built := document{
		Description: description, Messages: buildMessages(t), Desired: buildDesired(t),
		Probes: buildProbes(t), Relays: buildRelays(t), Classifications: buildClassifications(),
	}
	text := &bytes.Buffer{}
	encoder := json.NewEncoder(text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(built); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, text.Bytes()) {
		t.Error("vectors.json is not what the code says; run go test ./internal/vectors -update and read the difference")
	}
}
