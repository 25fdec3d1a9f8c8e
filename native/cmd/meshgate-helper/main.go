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
	"meshgate.dev/native/internal/privilege"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/readiness"
	"meshgate.dev/native/internal/server"
	"meshgate.dev/native/internal/userspace"
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
	if err := run(options, log); err != nil {
		log.Error("cannot run", "error", err)
		os.Exit(1)
	}
}

func run(options options, log *slog.Logger) error {
	if err := privilege.Drop(); err != nil {
		return err
	}
	listener, err := server.Listen(options.socket)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	kind := userspace.Engine{}
	hello := protocol.Hello{
		Protocol: protocol.Version, Helper: version,
		Engine: kind.Name(), EngineReason: "this version of the helper has no other engine",
	}
	agents := server.New(log, hello, options.allowedUIDs)
	kept, err := engine.New(kind, agents, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("listening", "socket", options.socket, "version", version, "instance", kept.Instance())

	manager := readiness.FromEnvironment()
	manager.Ready()
	stopping := make(chan struct{})
	go manager.Watch(stopping, func() { kept.State() })

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	failed := make(chan error, 1)
	go func() { failed <- agents.Serve(listener, kept) }()
	select {
	case received := <-signals:
		log.Info("stopping", "signal", received.String())
	case <-agents.Shutdown():
	case err = <-failed:
	}
	close(stopping)
	manager.Stopping()
	_ = listener.Close()
	kept.Close()
	agents.Close()
	log.Info("stopped")
	return err
}
