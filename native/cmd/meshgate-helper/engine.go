// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"meshgate.dev/native/internal/fdstore"
	"meshgate.dev/native/internal/kernel"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
	"meshgate.dev/native/internal/userspace"
)

// engineAuto takes the kernel's engine where it is there.
const engineAuto = "auto"

// choose tells which engine it is, and why.
func choose(wanted string, kept *fdstore.Store) (engine tunnel.Engine, reason string, err error) {
	if wanted == protocol.EngineUserspace {
		return userspace.Engine{Kept: kept}, "asked for", nil
	}
	missing := kernel.Available()
	if missing == nil {
		// An interface of the other engine's is of no use to this one.
		userspace.Engine{Kept: kept}.Release()
	}
	switch {
	case missing == nil && wanted == engineAuto:
		return kernel.Engine{}, "the kernel has WireGuard", nil
	case missing == nil:
		return kernel.Engine{}, "asked for", nil
	case wanted == engineAuto:
		return userspace.Engine{Kept: kept}, missing.Error(), nil
	}
	return nil, "", fmt.Errorf("--engine kernel: %w; load the module `wireguard`, or let the engine be auto or userspace", missing)
}
