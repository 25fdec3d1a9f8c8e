// SPDX-License-Identifier: Apache-2.0

package resolvconf

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const before = "# by hand\nsearch example.org\nnameserver 198.51.100.53\nnameserver 2001:db8::53\noptions edns0\n"

func sample(t *testing.T, text string) *file {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return &file{path: path, wish: Wish{Device: "meshgate0", Servers: []netip.Addr{netip.MustParseAddr("10.7.0.1")}}}
}

func settle(t *testing.T, f *file) {
	t.Helper()
	if err := f.Settle(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, f *file) string {
	t.Helper()
	text, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheFileNamesUsFirstAndIsPutBack(t *testing.T) {
	f := sample(t, before)
	settle(t, f)
	settled := read(t, f)
	if want := beginning + "\nnameserver 10.7.0.1\n" + end + "\n" + before; settled != want {
		t.Errorf("written:\n%s", settled)
	}
	settle(t, f)
	if read(t, f) != settled {
		t.Error("written twice")
	}
	servers, err := f.Upstreams()
	want := []netip.AddrPort{netip.MustParseAddrPort("198.51.100.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")}
	if err != nil || !slices.Equal(servers, want) {
		t.Errorf("upstreams: %v, %v", servers, err)
	}
	if err := f.Undo(); err != nil || read(t, f) != before {
		t.Errorf("put back (%v):\n%s", err, read(t, f))
	}
	info, _ := os.Stat(f.path)
	if info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestWhatOthersWriteMeanwhileStays(t *testing.T) {
	f := sample(t, before)
	settle(t, f)
	if err := os.WriteFile(f.path, []byte(read(t, f)+"nameserver 203.0.113.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Undo(); err != nil || read(t, f) != before+"nameserver 203.0.113.53\n" {
		t.Errorf("put back (%v):\n%s", err, read(t, f))
	}
	// Another program wrote the whole file anew: we come back at the next turn.
	if err := os.WriteFile(f.path, []byte("nameserver 203.0.113.53\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	settle(t, f)
	if servers, _ := f.Upstreams(); len(servers) != 1 {
		t.Errorf("upstreams: %v", servers)
	}
}

func TestABlockThatSomebodyCutShortTakesNothingElseAlong(t *testing.T) {
	if got := without(beginning + "\nnameserver 198.51.100.53\n"); got != "nameserver 198.51.100.53\n" {
		t.Errorf("%q", got)
	}
}

func TestALinkStaysALink(t *testing.T) {
	f := sample(t, before)
	target := f.path
	f.path = filepath.Join(filepath.Dir(target), "link")
	if err := os.Symlink(target, f.path); err != nil {
		t.Fatal(err)
	}
	settle(t, f)
	if link, err := os.Readlink(f.path); err != nil || link != target {
		t.Errorf("link: %q, %v", link, err)
	}
	if text, _ := os.ReadFile(target); string(text) == before {
		t.Error("the file behind the link was not written")
	}
}

func TestAFileThatIsNotThereIsMade(t *testing.T) {
	f := sample(t, "")
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	settle(t, f)
	if servers, err := f.Upstreams(); err != nil || len(servers) != 0 {
		t.Errorf("upstreams: %v, %v", servers, err)
	}
}

func TestWhoReadsWhileAFileIsOverwrittenNeverFindsItEmpty(t *testing.T) {
	f := sample(t, before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2_000 {
			text := before
			if i%2 == 0 {
				text = before + block(f.wish.Servers)
			}
			if err := overwrite(f.path, text, 0o644); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		if text := read(t, f); !strings.HasPrefix(text, before) {
			t.Fatalf("read:\n%s", text)
		}
		select {
		case <-done:
			if text := read(t, f); text != before {
				t.Errorf("at last:\n%s", text)
			}
			return
		default:
		}
	}
}
