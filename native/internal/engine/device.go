// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"meshgate.dev/native/internal/iface"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/relay"
	"meshgate.dev/native/internal/tunnel"
)

// A device is what exists of the desired one.
type device struct {
	spec      protocol.Device
	port      int
	wireguard tunnel.Device
	kernel    *iface.Interface
}

// wireguard is the device's, for those who cannot wait for an apply to end; nil if there is none.
func (e *Engine) wireguard() tunnel.Device {
	if opened := e.opened.Load(); opened != nil {
		return *opened
	}
	return nil
}

// makeDevice makes the device and puts all peers that are known on it.
func (e *Engine) makeDevice(desired *protocol.Desired, port int) error {
	spec := desired.Device
	keys := make([]protocol.Key, len(desired.Peers))
	for i, peer := range desired.Peers {
		keys[i] = peer.PublicKey
	}
	wireguard, err := e.kind.Open(tunnel.Config{
		Name: spec.Name, MTU: spec.MTU, ListenPort: port, PrivateKey: spec.PrivateKey, Peers: keys,
	}, e.bind, e.log)
	if err != nil {
		return err
	}
	made := &device{wireguard: wireguard}
	e.bind.Hosts.SetOwn(relay.TagOf(protocol.PublicKey(spec.PrivateKey)))
	made.spec = protocol.Device{
		Name: spec.Name, ListenPort: spec.ListenPort, PrivateKey: spec.PrivateKey, ProbeKey: spec.ProbeKey,
	}
	device, sessions := wireguard.Outlived()
	if made.kernel, err = iface.Open(spec.Name, device); err == nil {
		_, made.port, err = wireguard.Counters()
	}
	for _, p := range e.peers {
		if err == nil {
			_, err = wireguard.AddPeer(&p.spec, p.endpoint)
		}
	}
	if err != nil {
		wireguard.Close()
		return err
	}
	e.device = made
	if device {
		e.takeover.Device, e.takeover.Sessions = true, sessions
	}
	e.opened.Store(&wireguard)
	e.log.Info("device made", "device", spec.Name, "port", made.port, "outlived", device, "sessions", sessions)
	go e.guard(made)
	if !wireguard.TellsApart() {
		// What links are good for was told before that was known.
		go e.settleLinks()
	}
	return nil
}

// removeDevice takes everything down. Routes go with the device.
func (e *Engine) removeDevice() {
	if e.device == nil {
		return
	}
	gone := e.device
	e.device = nil
	e.opened.Store(nil)
	e.stunOn.Store(false)
	e.bind.Hosts.Forward(false)
	e.closeNames()
	e.closeEcho()
	e.closeTap()
	e.closeLate()
	e.removeFirewall()
	gone.wireguard.Close()
	e.log.Info("device removed", "device", gone.spec.Name)
}

// makeAgainTime is the wait between attempts to make a lost device again.
const makeAgainTime = time.Second

// guard waits until the device is gone, and makes it again if nobody wanted that.
func (e *Engine) guard(guarded *device) {
	<-guarded.wireguard.Gone()
	for attempt := 0; ; attempt++ {
		if e.replace(guarded, attempt == 0) {
			return
		}
		time.Sleep(makeAgainTime)
	}
}

// replace tells whether there is nothing left to do.
func (e *Engine) replace(lost *device, first bool) bool {
	e.change.Lock()
	defer e.change.Unlock()
	if e.closed || e.desired.Device == nil || first && e.device != lost || !first && e.device != nil {
		return true
	}
	if first {
		e.log.Warn("device lost", "device", lost.spec.Name)
		e.events.Emit(protocol.DeviceLost{Reason: "the interface " + lost.spec.Name + " vanished"})
		e.removeDevice()
		e.lostPort = lost.port
	}
	pairs, _ := e.derivePairs(e.desired)
	if _, err := e.converge(e.desired, pairs); err != nil {
		e.log.Error("cannot make the device again", "error", err)
		e.removeDevice()
		return false
	}
	return true
}
