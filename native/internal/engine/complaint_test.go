// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"meshgate.dev/native/internal/protocol"
)

func TestAHubComplainsOnceAMinuteAndOfNothingThatMayHappen(t *testing.T) {
	said := &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(said, nil))
	c, at := &complaint{}, time.Unix(1_700_000_000, 0)
	look := func(refused, dropped uint64) int {
		said.Reset()
		at = at.Add(time.Second)
		c.look(protocol.Relayed{Refused: refused, Dropped: dropped}, "192.0.2.1:1", at, log)
		return strings.Count(said.String(), "\n")
	}
	for i, step := range []struct {
		refused, dropped uint64
		lines            int
	}{{0, 0, 0}, {refusedMin - 1, droppedMin - 1, 0}, {100, 3_000, 2}, {10_000, 9_000, 0}} {
		if lines := look(step.refused, step.dropped); lines != step.lines {
			t.Errorf("step %d: %d lines: %s", i, lines, said)
		}
	}
	at = at.Add(complaintPace)
	if lines := look(10_100, 9_000); lines != 1 || !strings.Contains(said.String(), "frames=10000") {
		t.Errorf("a minute later: %s", said)
	}
}
