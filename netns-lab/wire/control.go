// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// obey carries out one control line and returns the one line that answers it:
//
//	add PID:DEVICE PID:DEVICE        -> ok LINK
//	set LINK ab|ba|both KEY=NUMBER.. -> ok
//	stat                             -> ok LINK ab received=N sent=N lost=N overflowed=N queued=N; ...
//
// "ab" is from the first device of the link to the second. Any fault answers "error ...".
func (w *wire) obey(line string) string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return "error empty line"
	}
	switch words[0] {
	case "add":
		if len(words) != 3 {
			return "error usage: add PID:DEVICE PID:DEVICE"
		}
		link, err := w.add(words[1], words[2])
		if err != nil {
			return "error " + err.Error()
		}
		return fmt.Sprintf("ok %d", link)
	case "set":
		if err := w.set(words[1:]); err != nil {
			return "error " + err.Error()
		}
		return "ok"
	case "stat":
		return "ok " + w.statistics()
	}
	return fmt.Sprintf("error unknown command %q", words[0])
}

func (w *wire) set(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("usage: set LINK ab|ba|both KEY=NUMBER")
	}
	link, err := strconv.Atoi(words[0])
	if err != nil || link < 0 || link >= len(w.directions)/2 {
		return fmt.Errorf("no link %q", words[0])
	}
	var chosen []*direction
	switch words[1] {
	case "ab":
		chosen = w.directions[2*link : 2*link+1]
	case "ba":
		chosen = w.directions[2*link+1 : 2*link+2]
	case "both":
		chosen = w.directions[2*link : 2*link+2]
	default:
		return fmt.Errorf("direction %q is not ab, ba or both", words[1])
	}
	for _, word := range words[2:] {
		key, text, _ := strings.Cut(word, "=")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s=%s is not a number", key, text)
		}
		for _, d := range chosen {
			if err := d.set(key, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *wire) statistics() string {
	lines := make([]string, len(w.directions))
	for i, d := range w.directions {
		name := [2]string{"ab", "ba"}[i%2]
		lines[i] = fmt.Sprintf("%d %s received=%d sent=%d lost=%d overflowed=%d queued=%d",
			i/2, name, d.received, d.sent, d.lost, d.overflowed, d.queued)
	}
	return strings.Join(lines, "; ")
}
