// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A document collects every problem of what it reads, instead of stopping at the first.
type document struct {
	problems []Problem
}

// problemsMax keeps the answer to a hopeless document short.
const problemsMax = 100

// hidden stands for a secret in a problem.
const hidden = "(hidden)"

// valueLengthMax is how much of a bad value is repeated.
const valueLengthMax = 100

func (d *document) bad(field string, value any, problem, remedy string) {
	if len(d.problems) < problemsMax {
		d.problems = append(d.problems, Problem{field, shown(value), problem, remedy})
	}
}

// shown repeats only what is short: an object or list would bring along what is beside the point,
// maybe a key.
func shown(value any) any {
	switch value := value.(type) {
	case string:
		if len(value) <= valueLengthMax {
			return value
		}
		end := valueLengthMax
		for end > 0 && !utf8.RuneStart(value[end]) {
			end--
		}
		return value[:end] + "..."
	case json.Number:
		return shown(value.String())
	case bool, int:
		return value
	default:
		return nil
	}
}

// An object reads the fields of one JSON object; close reports those that nobody asked for.
type object struct {
	*document
	path   string
	fields map[string]any
	known  []string
}

func (d *document) object(field string, value any) (*object, bool) {
	fields, ok := value.(map[string]any)
	if !ok {
		d.bad(field, value, "not an object", "give an object")
	}
	return &object{document: d, path: field, fields: fields}, ok
}

func (o *object) name(field string) string {
	if o.path == "" {
		return field
	}
	return o.path + "." + field
}

func (o *object) take(field string) (any, bool) {
	o.known = append(o.known, field)
	value, given := o.fields[field]
	return value, given
}

func (o *object) need(field string) (any, bool) {
	value, given := o.take(field)
	if !given {
		o.bad(o.name(field), nil, "missing", "give this field")
	}
	return value, given
}

func (o *object) close() {
	unknown := []string{}
	for field := range o.fields {
		if !slices.Contains(o.known, field) {
			unknown = append(unknown, field)
		}
	}
	slices.Sort(unknown)
	for _, field := range unknown {
		o.bad(o.name(shown(field).(string)), nil, "unknown field", "leave it out; the agent may be newer than the helper")
	}
}

func (o *object) text(field string, parse func(string) error, remedy string) {
	value, given := o.need(field)
	if !given {
		return
	}
	o.readText(o.name(field), value, value, parse, remedy)
}

func (d *document) readText(field string, value, show any, parse func(string) error, remedy string) {
	text, ok := value.(string)
	if !ok {
		d.bad(field, show, "not a string", remedy)
		return
	}
	if err := parse(text); err != nil {
		d.bad(field, show, err.Error(), remedy)
	}
}

// secret is text whose value is never repeated.
func (o *object) secret(field string, parse func(string) error, remedy string) {
	if value, given := o.need(field); given {
		o.readText(o.name(field), value, hidden, parse, remedy)
	}
}

func (o *object) key(field string) (key Key) {
	o.text(field, into(&key, ParseKey), "give a WireGuard or X25519 key as `wg genkey` or `wg pubkey` print it")
	return key
}

func (o *object) secretKey(field string) (key Key) {
	o.secret(field, into(&key, ParseKey), "give a private key as `wg genkey` prints it")
	return key
}

// into turns a parser of a value into one that leaves it at its place.
func into[T any](place *T, parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		value, err := parse(text)
		if err == nil {
			*place = value
		}
		return err
	}
}

func (o *object) integer(field string, low, high int) int {
	value, given := o.need(field)
	if !given {
		return 0
	}
	return o.readInteger(o.name(field), value, low, high)
}

func (o *object) optionalInteger(field string, low, high, otherwise int) int {
	value, given := o.take(field)
	if !given {
		return otherwise
	}
	return o.readInteger(o.name(field), value, low, high)
}

func (d *document) readInteger(field string, value any, low, high int) int {
	number, ok := value.(json.Number)
	parsed, err := strconv.ParseFloat(number.String(), 64)
	if !ok || err != nil || parsed != math.Trunc(parsed) || parsed < float64(low) || parsed > float64(high) {
		d.bad(field, value, fmt.Sprintf("not a whole number from %d to %d", low, high), "give a number in that range")
		return 0
	}
	return int(parsed)
}

func (o *object) boolean(field string) bool {
	value, given := o.need(field)
	truth, ok := value.(bool)
	if given && !ok {
		o.bad(o.name(field), value, "not true or false", "give true or false")
	}
	return truth
}

func (o *object) list(field string, most int) []any {
	value, given := o.need(field)
	if !given {
		return nil
	}
	list, ok := value.([]any)
	switch {
	case !ok:
		o.bad(o.name(field), value, "not a list", "give a list")
	case len(list) > most:
		o.bad(o.name(field), len(list), fmt.Sprintf("more than %d entries", most), "give fewer")
		return nil
	}
	return list
}
