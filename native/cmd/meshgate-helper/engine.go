// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"meshgate.dev/native/internal/kernel"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
	"meshgate.dev/native/internal/userspace"
)

// engineAuto takes the kernel's engine where it is there.
const engineAuto = "auto"

// choose tells which engine it is, and why.
func choose(wanted string) (engine tunnel.Engine, reason string, err error) {
	if wanted == protocol.EngineUserspace {
		return userspace.Engine{}, "asked for", nil
	}
	missing := kernel.Available()
	switch {
	case missing == nil && wanted == engineAuto:
		return kernel.Engine{}, "the kernel has WireGuard", nil
	case missing == nil:
		return kernel.Engine{}, "asked for", nil
	case wanted == engineAuto:
		return userspace.Engine{}, missing.Error(), nil
	}
	return nil, "", fmt.Errorf("--engine kernel: %w; load the module `wireguard`, or let the engine be auto or userspace", missing)
}
