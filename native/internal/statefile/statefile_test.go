// SPDX-License-Identifier: Apache-2.0

package statefile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

const nothing = `{"device":null,"routes":[],"peers":[]}`

func TestWhatIsSavedIsLoadedAgainAndIsForNobodyElse(t *testing.T) {
	file := File{filepath.Join(t.TempDir(), "state")}
	if desired, err := file.Load(); desired != nil || err != nil {
		t.Errorf("of nothing: %v, %v", desired, err)
	}
	for range 2 {
		if err := file.Save([]byte(nothing)); err != nil {
			t.Fatal(err)
		}
	}
	if desired, err := file.Load(); desired == nil || err != nil {
		t.Errorf("loaded %v, %v", desired, err)
	}
	found, err := os.Stat(file.Path)
	if err != nil || found.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", found.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file.Path)); len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
	if err := errors.Join(file.Remove(), file.Remove()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsOldCutShortOrForeignIsNotUsed(t *testing.T) {
	file := File{filepath.Join(t.TempDir(), "state")}
	for text, want := range map[string]error{
		"":                                    ErrVersion,
		"meshgate-helper state 0\n" + nothing: ErrVersion,
		header:                                ErrUnreadable,
		header + nothing[:20]:                 ErrUnreadable,
		header + nothing + nothing:            ErrUnreadable,
		header + `{"device":{},"routes":[],"peers":[]}`: ErrUnreadable,
	} {
		if err := os.WriteFile(file.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if desired, err := file.Load(); desired != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v, %v", text, desired, err)
		}
	}
	if err := errors.Join(os.WriteFile(file.Path, []byte(header+nothing), 0o600), os.Chmod(file.Path, 0o644)); err != nil {
		t.Fatal(err)
	}
	if desired, err := file.Load(); desired != nil || !errors.Is(err, ErrForeign) {
		t.Errorf("readable by all: %v, %v", desired, err)
	}
}
