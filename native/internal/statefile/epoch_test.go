// SPDX-License-Identifier: Apache-2.0

package statefile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTimeGoesOnFromWhatTheWallClockWas(t *testing.T) {
	epoch := Epoch{filepath.Join(t.TempDir(), "epoch")}
	if now, err := epoch.Now(); now != 0 || err != nil {
		t.Errorf("of nothing: %d, %v", now, err)
	}
	// However wrong it is now.
	wall := uint64(time.Now().Add(12 * time.Hour).UnixMicro())
	if err := epoch.Save(wall); err != nil {
		t.Fatal(err)
	}
	first, err := epoch.Now()
	if first < wall || err != nil {
		t.Errorf("%d after %d: %v", first, wall, err)
	}
	time.Sleep(time.Millisecond)
	if second, _ := epoch.Now(); second <= first {
		t.Errorf("%d, then %d", first, second)
	}
}

func TestAnEpochThatIsNoneIsNotUsed(t *testing.T) {
	epoch := Epoch{filepath.Join(t.TempDir(), "epoch")}
	for _, text := range []string{
		"", epochHeader, "1700000000000000\n", "meshgate-helper epoch 0\n1700000000000000\n",
		epochHeader + "-1\n", epochHeader + "1700x\n", epochHeader + "7258118400000001\n",
		epochHeader + "99999999999999999999\n", header + nothing,
	} {
		if err := os.WriteFile(epoch.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if now, err := epoch.Now(); now != 0 || !errors.Is(err, ErrEpoch) {
			t.Errorf("%q: %d, %v", text, now, err)
		}
	}
	if err := os.Chmod(epoch.Path, 0o666); err != nil {
		t.Fatal(err)
	}
	if now, err := epoch.Now(); now != 0 || !errors.Is(err, ErrForeign) {
		t.Errorf("writable by all: %d, %v", now, err)
	}
}
