// SPDX-License-Identifier: Apache-2.0

// Package statefile keeps the last document of the agent, so that a helper that was killed goes on with
// it at its next start, without an agent. It holds private keys, and lives where nothing outlives a boot.
package statefile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"meshgate.dev/native/internal/protocol"
)

// header is the first line; the document follows.
const header = "meshgate-helper state 1\n"

// Why what is there is not used.
var (
	ErrVersion    = errors.New("written by another version of the helper")
	ErrUnreadable = errors.New("not a whole document")
	ErrForeign    = errors.New("not a file of this user alone")
)

// A File is a place for one document.
type File struct{ Path string }

// Save replaces what is there as a whole, or leaves it.
func (f File) Save(document []byte) error {
	return replace(f.Path, append([]byte(header), document...))
}

func replace(path string, content []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	// CreateTemp makes files that nobody else may read.
	_, err = draft.Write(content)
	err = errors.Join(err, draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		_ = os.Remove(draft.Name())
	}
	return err
}

// Load gives what should be kept, or nil if nothing is known.
func (f File) Load() (*protocol.Desired, error) {
	if err := check(f.Path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return nil, err
	}
	document, ok := bytes.CutPrefix(text, []byte(header))
	if !ok {
		return nil, ErrVersion
	}
	desired, fault := protocol.ReadDesiredText(document)
	if fault != nil {
		return nil, fmt.Errorf("%w: %s", ErrUnreadable, fault.Message)
	}
	return desired, nil
}

// check refuses what somebody else could have put there.
func check(path string) error {
	found, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !found.Mode().IsRegular() || found.Mode().Perm()&0o077 != 0 || !ownedByUs(found):
		return ErrForeign
	}
	return nil
}

// Remove forgets what is there.
func (f File) Remove() error {
	if err := os.Remove(f.Path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
