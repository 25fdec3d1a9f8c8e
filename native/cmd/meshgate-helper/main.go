// SPDX-License-Identifier: Apache-2.0

// meshgate-helper is the privileged half of meshgate: it keeps the device, its peers and routes as
// an agent desires them, also while no agent is connected. PROTOCOL.md says how agents speak to it.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"meshgate.dev/native/internal/engine"
	"meshgate.dev/native/internal/fdstore"
	"meshgate.dev/native/internal/privilege"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/readiness"
	"meshgate.dev/native/internal/resolvconf"
	"meshgate.dev/native/internal/server"
	"meshgate.dev/native/internal/statefile"
)

// version is set by the build.
var version = "development"

// gcPercent trades a little throughput for memory: what lives is small, and what does not are
// packet buffers.
const gcPercent = 50

func main() {
	if len(os.Args) > 1 && os.Args[1] == "listen" {
		fmt.Fprintf(os.Stderr, "meshgate-helper: %v\n", listen(os.Args[2:]))
		os.Exit(1)
	}
	options, err := parseOptions(os.Args[1:])
	switch {
	case errors.Is(err, errHelp):
		fmt.Print(usage)
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "meshgate-helper: %v\nmeshgate-helper --help shows how it is used.\n", err)
		os.Exit(2)
	case options.version:
		fmt.Println("meshgate-helper " + version)
		return
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: options.level}))
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if options.supervise {
		os.Exit(supervise(withoutSupervise(os.Args[1:]), log))
	}
	if err := run(options, log); err != nil {
		log.Error("cannot run", "error", err)
		os.Exit(1)
	}
}

func run(options options, log *slog.Logger) error {
	// From the beginning: whoever is stopped while it starts would leave what an earlier one has made.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	handed := fdstore.FromEnvironment()
	if err := privilege.Drop(); err != nil {
		return err
	}
	listener, err := server.Listen(options.socket)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	kind, reason, err := choose(options.engine, handed)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	hello := protocol.Hello{
		Protocol: protocol.Version, Helper: version, Engine: kind.Name(), EngineReason: reason, Features: protocol.Features,
	}
	file := statefile.File{Path: options.state}
	agents := server.New(log, hello, options.allowedUIDs, file)
	kept, err := engine.New(kind, handed, agents, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := resolvconf.Clean(); err != nil {
		log.Warn("the host's resolver still knows an earlier helper", "error", err)
	}
	followStamps(kept, statefile.Epoch{Path: options.state + ".epoch"}, log)
	restore(kept, file, log)
	log.Info("listening", "socket", options.socket, "version", version, "engine", kind.Name(), "why", reason, "instance", kept.Instance())

	manager := readiness.FromEnvironment()
	manager.Ready()
	stopping := make(chan struct{})
	go manager.Watch(stopping, func() { kept.State() })

	failed := make(chan error, 1)
	go func() { failed <- agents.Serve(listener, kept) }()
	select {
	case received := <-signals:
		log.Info("stopping", "signal", received.String())
		if received == syscall.SIGHUP {
			// Nothing is taken down: the next one goes on.
			os.Exit(exitAgain)
		}
	case <-agents.Shutdown():
	case err = <-failed:
	}
	close(stopping)
	manager.Stopping()
	_ = listener.Close()
	kept.Close()
	agents.Close()
	if err := file.Remove(); err != nil {
		log.Warn("the state file stays", "error", err)
	}
	log.Info("stopped")
	return err
}

// followStamps makes probes of this start come after those of earlier ones for all who have heard them.
func followStamps(kept *engine.Engine, epoch statefile.Epoch, log *slog.Logger) {
	reached, err := epoch.Now()
	if err != nil {
		log.Warn("the wall clock must not have been set back since an earlier start", "file", epoch.Path, "error", err)
	}
	kept.FollowStamps(reached, func(stamp uint64) {
		go func() {
			if err := epoch.Save(stamp); err != nil {
				log.Warn("a wall clock that is set back may hurt the next start", "file", epoch.Path, "error", err)
			}
		}()
	})
}

// restore goes on with what an earlier start kept. Whatever is wrong with that, an agent will tell anew.
func restore(kept *engine.Engine, file statefile.File, log *slog.Logger) {
	desired, err := file.Load()
	if err != nil {
		log.Warn("starting with nothing: what an earlier start kept cannot be used", "file", file.Path, "error", err)
		return
	}
	if desired == nil {
		return
	}
	if fault := kept.Restore(desired); fault != nil {
		log.Warn("cannot go on with what an earlier start kept", "file", file.Path, "error", fault.Message)
		return
	}
	log.Info("going on with what an earlier start kept", "peers", len(desired.Peers))
}
