// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"path/filepath"
	"strconv"

	"meshgate.dev/native/internal/protocol"
)

const usage = `meshgate-helper keeps a WireGuard device as the meshgate agent desires it.

Usage: meshgate-helper [options]
       meshgate-helper listen --tcp ADDRESS:PORT [--tcp ...] -- PROGRAM [ARGUMENT...]

  --socket PATH      where agents connect (default /run/meshgate/helper.sock)
  --state PATH       where it keeps what it was told, for a next start after it was killed (default: helper.state
                     beside the socket)
  --supervise        run the helper as a child, and start it again when it dies
  --engine NAME      auto (the default: the kernel's WireGuard where there is one), kernel or userspace
  --allow-uid N      let this user connect, beside root and the helper's own; may be repeated
  --allow-user NAME  the same, by name
  --log-level LEVEL  debug, info, warn or error (default info); lines of JSON go to standard error
  --version          print the version
  --help             print this

The second form keeps nothing: it opens TCP sockets that need a privilege, and becomes a program
that has none, which finds them as systemd would hand them over (sd_listen_fds(3)).

It needs CAP_NET_ADMIN and CAP_NET_RAW, and gives up everything else that it has.
SIGTERM and SIGINT take the device and its routes down and end it. SIGHUP ends it as a crash would: who supervises it starts
it anew, from the program file as it is then, and it goes on with what it kept. The device stays, with its addresses and
routes. Sessions are shaken hands for again at once; those of a device of the kernel's go on, with all straight paths.

Examples:
  meshgate-helper --allow-user meshgate
  meshgate-helper --socket /run/meshgate/second.sock --log-level debug
  meshgate-helper listen --tcp 0.0.0.0:443 -- /usr/bin/setpriv ... meshgate run --no-helper
`

type options struct {
	socket      string
	state       string
	supervise   bool
	engine      string
	allowedUIDs []uint32
	level       slog.Level
	version     bool
}

const defaultSocket = "/run/meshgate/helper.sock"

var errHelp = flag.ErrHelp

func parseOptions(arguments []string) (parsed options, err error) {
	flags := flag.NewFlagSet("meshgate-helper", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&parsed.socket, "socket", defaultSocket, "")
	flags.StringVar(&parsed.state, "state", "", "")
	flags.BoolVar(&parsed.supervise, "supervise", false, "")
	flags.StringVar(&parsed.engine, "engine", engineAuto, "")
	flags.BoolVar(&parsed.version, "version", false, "")
	flags.TextVar(&parsed.level, "log-level", slog.LevelInfo, "")
	flags.Func("allow-uid", "", func(text string) error {
		uid, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return errors.New("not a number of a user")
		}
		parsed.allowedUIDs = append(parsed.allowedUIDs, uint32(uid))
		return nil
	})
	flags.Func("allow-user", "", func(name string) error {
		found, err := user.Lookup(name)
		if err != nil {
			return fmt.Errorf("no such user: %w", err)
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		parsed.allowedUIDs = append(parsed.allowedUIDs, uint32(uid))
		return err
	})
	if err := flags.Parse(arguments); err != nil {
		return parsed, err
	}
	if flags.NArg() > 0 {
		return parsed, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch parsed.engine {
	case engineAuto, protocol.EngineKernel, protocol.EngineUserspace:
	default:
		return parsed, fmt.Errorf("--engine is auto, kernel or userspace, not %q", parsed.engine)
	}
	if parsed.socket == "" {
		return parsed, errors.New("--socket needs a path")
	}
	if parsed.state == "" {
		parsed.state = filepath.Join(filepath.Dir(parsed.socket), "helper.state")
	}
	return parsed, nil
}
