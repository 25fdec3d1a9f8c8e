// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// obey carries out one control line and returns the one line that answers it:
//
//	add PID:DEVICE PID:DEVICE        -> ok LINK
//	set LINK ab|ba|both KEY=NUMBER.. -> ok
//	carrier LINK 0|1                 -> ok
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
	case "carrier":
		if err := w.setCarrier(words[1:]); err != nil {
			return "error " + err.Error()
		}
		return "ok"
	case "stat":
		return "ok " + w.statistics()
	}
	return fmt.Sprintf("error unknown command %q", words[0])
}

// linkNumber reads which link is meant.
func (w *wire) linkNumber(word string) (int, error) {
	link, err := strconv.Atoi(word)
	if err != nil || link < 0 || link >= len(w.directions)/2 {
		return 0, fmt.Errorf("no link %q", word)
	}
	return link, nil
}

// setCarrier plugs both ends of a link in or out.
func (w *wire) setCarrier(words []string) error {
	if len(words) != 2 || (words[1] != "0" && words[1] != "1") {
		return fmt.Errorf("usage: carrier LINK 0|1")
	}
	link, err := w.linkNumber(words[0])
	if err != nil {
		return err
	}
	carrier, _ := strconv.Atoi(words[1])
	for _, d := range w.directions[2*link : 2*link+2] {
		if err := unix.IoctlSetPointerInt(d.out, unix.TUNSETCARRIER, carrier); err != nil {
			return fmt.Errorf("carrier: %w", err)
		}
	}
	return nil
}

func (w *wire) set(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("usage: set LINK ab|ba|both KEY=NUMBER")
	}
	link, err := w.linkNumber(words[0])
	if err != nil {
		return err
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
