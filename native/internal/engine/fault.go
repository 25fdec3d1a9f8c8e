// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"

	"golang.org/x/sys/unix"

	"meshgate.dev/native/internal/nft"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// faultOf says what the system refused in the words of the protocol.
func faultOf(err error) *protocol.Fault {
	reason, remedy := protocol.ReasonSystem, "see the helper's log"
	switch {
	case errors.Is(err, tunnel.ErrNameTaken):
		reason, remedy = protocol.ReasonNameTaken, "choose another device name, or remove that interface"
	case errors.Is(err, tunnel.ErrTunMissing):
		reason, remedy = protocol.ReasonTunMissing, "load the module `tun`, or give the container /dev/net/tun"
	case errors.Is(err, nft.ErrMissing):
		remedy = "load the module `nf_tables`; without it nobody can be kept out"
	case errors.Is(err, unix.EADDRINUSE):
		reason, remedy = protocol.ReasonPortTaken, "choose another listenPort, or 0 for any; `ss -ulpn` shows who has it"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		reason, remedy = protocol.ReasonNotPermitted, "give the helper CAP_NET_ADMIN and CAP_NET_RAW, and access to /dev/net/tun"
	}
	return protocol.SystemFault(reason, remedy, "%v", err)
}
