// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"io"
	"net/netip"

	"meshgate.dev/native/internal/handover"
)

// listen opens the sockets that it is told of and becomes the program behind them.
func listen(arguments []string) error {
	var addresses []netip.AddrPort
	flags := flag.NewFlagSet("listen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("tcp", "", func(text string) error {
		address, err := netip.ParseAddrPort(text)
		if err != nil {
			return errors.New("not an address with a port")
		}
		addresses = append(addresses, address)
		return nil
	})
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if len(addresses) == 0 || flags.NArg() == 0 {
		return errors.New("listen needs --tcp and a program")
	}
	sockets, err := handover.Listen(addresses)
	if err != nil {
		return err
	}
	return handover.Become(flags.Args(), sockets)
}
