// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"math"
	"time"
)

// ReportsMax bounds what one frame says of paths; a peer has no more of them.
const ReportsMax = 8

// A Report is what its sender hears over one of the receiver's paths.
type Report struct {
	// Path is the number by which the receiver calls that path.
	Path  uint8
	Heard Heard
	// Silent is for how long nothing has come over it; SilentLong if for longer, or ever.
	Silent time.Duration
}

// SilentLong stands for all that is longer.
const SilentLong = math.MaxUint16 * time.Millisecond

// Reports are those of one frame. The zero value is none.
type Reports struct {
	list  [ReportsMax]Report
	count int
}

// Add puts one more in; what does not fit is left out.
func (reports *Reports) Add(report Report) {
	if reports.count < ReportsMax {
		report.Heard.Told = true
		report.Silent = min(report.Silent.Truncate(time.Millisecond), SilentLong)
		reports.list[reports.count] = report
		reports.count++
	}
}

// All gives them in order.
func (reports *Reports) All() []Report { return reports.list[:reports.count] }

// Keep leaves only the first ones.
func (reports *Reports) Keep(count int) {
	reports.count = max(0, min(reports.count, count))
	clear(reports.list[reports.count:])
}

// What follows the fields that every body has:
//
//	56  1   number of the path that this goes over, as its sender calls it; 0 is none
//	57  1   n, how many reports follow
//	58  2   zero
//	60  12n reports
//
// A report:
//
//	0   1   number of the path, as the receiver calls it
//	1   1   zero
//	2   2   ms for which nothing was heard over it, at most
//	4   4   packets of sessions heard
//	8   4   other packets of WireGuard heard
const (
	pathOffset    = bodySize
	reportsOffset = bodySize + 4
	reportSize    = 12
)

// SizeFor is how long a body with so many reports is.
func sizeFor(reports int) int { return reportsOffset + reports*reportSize }

func (body Body) appendReports(plain []byte) []byte {
	plain = append(plain, body.Path, byte(body.Reports.count), 0, 0)
	for _, report := range body.Reports.All() {
		plain = append(plain, report.Path, 0)
		plain = binary.BigEndian.AppendUint16(plain, uint16(report.Silent.Milliseconds()))
		plain = binary.BigEndian.AppendUint32(plain, report.Heard.Transport)
		plain = binary.BigEndian.AppendUint32(plain, report.Heard.Handshakes)
	}
	for range min(body.Room, ReportsMax) - body.Reports.count {
		plain = append(plain, make([]byte, reportSize)...)
	}
	return plain
}

// readReports takes what is there, as far as it is whole.
func (body *Body) readReports(plain []byte) error {
	if len(plain) < reportsOffset {
		body.Padding = max(0, len(plain)-bodySize)
		return nil
	}
	body.Path = plain[pathOffset]
	count := int(plain[pathOffset+1])
	body.Room = min(ReportsMax, (len(plain)-reportsOffset)/reportSize)
	body.Padding = len(plain) - sizeFor(body.Room)
	if count > body.Room || plain[pathOffset+2]|plain[pathOffset+3] != 0 {
		return ErrMalformed
	}
	for i := range count {
		at := plain[sizeFor(i):]
		if at[0] == 0 || at[1] != 0 {
			return ErrMalformed
		}
		body.Reports.Add(Report{
			Path: at[0], Silent: time.Duration(binary.BigEndian.Uint16(at[2:])) * time.Millisecond,
			Heard: Heard{Transport: binary.BigEndian.Uint32(at[4:]), Handshakes: binary.BigEndian.Uint32(at[8:])},
		})
	}
	return nil
}
