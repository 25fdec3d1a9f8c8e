// SPDX-License-Identifier: Apache-2.0

package resolvconf

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// programTime is far more than either program takes; one that hangs must not hang us.
const programTime = 5 * time.Second

// stubAddress is where systemd-resolved listens.
const stubAddress = "nameserver 127.0.0.53"

// hasSystemd tells whether the host's names are asked of systemd-resolved.
func hasSystemd(path string) bool {
	if _, err := exec.LookPath("resolvectl"); err != nil {
		return false
	}
	if target, err := filepath.EvalSymlinks(path); err == nil && strings.HasPrefix(target, "/run/systemd/resolve/") {
		return true
	}
	text, err := os.ReadFile(path)
	return err == nil && strings.Contains(string(text), stubAddress)
}

type systemd struct{ wish Wish }

func (s *systemd) Way() string { return BySystemd }

// Upstreams are systemd-resolved's own affair: it asks us about our zones and nothing else.
func (s *systemd) Upstreams() ([]netip.AddrPort, error) { return nil, nil }

func (s *systemd) Settle() error {
	servers := []string{"dns", s.wish.Device}
	for _, server := range s.wish.Servers {
		servers = append(servers, server.String())
	}
	// A domain with a tilde says what to ask the server about, and is appended to nobody's names.
	domains := []string{"domain", s.wish.Device}
	for _, zone := range s.wish.Zones {
		domains = append(domains, "~"+zone)
	}
	for _, arguments := range [][]string{servers, domains, {"default-route", s.wish.Device, "false"}} {
		if err := run("", "resolvectl", arguments...); err != nil {
			return err
		}
	}
	return nil
}

func (s *systemd) Undo() error { return run("", "resolvectl", "revert", s.wish.Device) }

func run(input, name string, arguments ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	command := exec.CommandContext(ctx, name, arguments...)
	command.Stdin = strings.NewReader(input)
	// What a terminal's Ctrl-C ends is us, and not what is being put back just then.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, arguments[0], err, bytes.TrimSpace(output))
	}
	return nil
}
