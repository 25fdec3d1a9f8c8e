// SPDX-License-Identifier: Apache-2.0

package moment

import (
	"testing"
	"time"
)

func TestANotedMomentIsNeverUntilItIsNoted(t *testing.T) {
	var noted Noted
	if _, ever := noted.Ago(); ever || !noted.At().IsZero() {
		t.Error("it was, before it was noted")
	}
	noted.Note()
	if ago, ever := noted.Ago(); !ever || ago < 0 || ago > time.Minute {
		t.Errorf("it was %v ago, %v", ago, ever)
	}
	noted.Forget()
	if _, ever := noted.Ago(); ever {
		t.Error("it was, after it was forgotten")
	}
}

func TestHowLongAgoAToldMomentWasDoesNotChangeWithTheClock(t *testing.T) {
	start := time.Now()
	// What somebody with a clock that was set tells of a moment.
	wall := func(after, set time.Duration) time.Time { return start.Add(after + set).Round(0) }
	after := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for name, set := range map[string]time.Duration{"back": -time.Hour, "forward": time.Hour, "not": 0} {
		var told Told
		if at := told.Look(time.Time{}, start); !at.IsZero() {
			t.Errorf("set %s: %v although nothing was told", name, at)
		}
		if ago := after(5).Sub(told.Look(wall(4*time.Second, 0), after(5))); ago != time.Second {
			t.Errorf("set %s: at first %v ago", name, ago)
		}
		if ago := after(8).Sub(told.Look(wall(4*time.Second, 0), after(8))); ago != 4*time.Second {
			t.Errorf("set %s: the same %v ago", name, ago)
		}
		// Set between that and the next one, of which no more is known than that it is new since the last look.
		if ago := after(10).Sub(told.Look(wall(9*time.Second, set), after(10))); ago < 0 || ago > 2*time.Second {
			t.Errorf("set %s: the next one %v ago", name, ago)
		}
	}
}

func TestAMomentThatIsToldFromTheStartIsAsOldAsTheClockSays(t *testing.T) {
	var told Told
	now := time.Now()
	if ago := now.Sub(told.Look(now.Add(-time.Minute).Round(0), now)); ago != time.Minute {
		t.Errorf("%v ago", ago)
	}
}
