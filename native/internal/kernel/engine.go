// SPDX-License-Identifier: Apache-2.0

// Package kernel is the engine of hosts whose kernel has WireGuard. What goes straight to a peer's
// endpoint never leaves the kernel. Everything else of a peer, over hubs, TURN servers, punched sockets or
// two paths at once, crosses the helper: the kernel is given an address of the loopback network as the
// peer's endpoint, and its packets are taken there and brought there.
package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"meshgate.dev/native/internal/bind"
	"meshgate.dev/native/internal/protocol"
	"meshgate.dev/native/internal/tunnel"
)

// Engine is the kernel's WireGuard.
type Engine struct{}

var _ tunnel.Engine = Engine{}

// Name is what the protocol calls it.
func (Engine) Name() string { return protocol.EngineKernel }

// Release leaves an interface that no helper has taken over: the next one may.
func (Engine) Release() {}

// ErrMissing says that the kernel has no WireGuard and finds no module of it.
var ErrMissing = errors.New("the kernel has no WireGuard")

// Available tells whether the kernel has WireGuard. Only making a device tells, and loads the module.
func Available() error {
	var random [4]byte
	_, _ = rand.Read(random[:])
	link := newLink("mg-" + hex.EncodeToString(random[:]))
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return netlink.LinkDel(link)
}

func newLink(name string) *netlink.Wireguard {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	return &netlink.Wireguard{LinkAttrs: attributes}
}

// Device is up from Open to Close.
type Device struct {
	log     *slog.Logger
	name    string
	index   int
	claim   net.Listener
	control *wgctrl.Client
	port    *bind.Bind
	share   share
	// adopted tells that an earlier helper has made the interface.
	adopted bool
	// headsOnly tells that the kernel hears all of WireGuard's that comes straight, and we its heads.
	headsOnly bool
	loop      *loopback
	foreign   *foreign
	gone      chan struct{}
	pumps     sync.WaitGroup
	closing   chan struct{}

	// listenPort is WireGuard's, which others know.
	listenPort atomic.Uint32
	// strangers bounds what the kernel is asked to look at for senders whom nobody knows.
	strangers *rate.Limiter

	// change is held while the kernel is told something: there is one at a time.
	change     sync.Mutex
	privateKey protocol.Key
	mark       int
	apart      []netip.Addr
	// outlived are peers that an earlier helper has left, until they are added.
	outlived map[protocol.Key]wgtypes.Peer

	// mutex guards what packets ask for.
	mutex      sync.RWMutex
	peers      map[protocol.Key]*peer
	byEndpoint map[*bind.PeerEndpoint]*peer
	slots      []*peer

	steering steering
}

// A share is how the port is shared; there are two ways.
type share interface {
	Straighten(removed, added []netip.AddrPort) error
	Tally(endpoint netip.AddrPort) (in, out bind.Sent, err error)
	SetApart(addresses []netip.Addr) error
	Move(listenPort uint16) error
	Close() error
}

// Open makes the interface, or takes over one that an earlier helper has left.
func (Engine) Open(config tunnel.Config, port *bind.Bind, log *slog.Logger) (tunnel.Device, error) {
	d := &Device{
		log: log, name: config.Name, port: port, privateKey: config.PrivateKey,
		gone: make(chan struct{}), closing: make(chan struct{}),
		strangers: rate.NewLimiter(strangersPerSecond, strangersPerSecond),
		outlived:  map[protocol.Key]wgtypes.Peer{},
		peers:     map[protocol.Key]*peer{}, byEndpoint: map[*bind.PeerEndpoint]*peer{},
		steering: newSteering(),
	}
	adopted, err := d.open(config)
	if err != nil {
		if !adopted && d.index != 0 {
			d.removeLink()
		}
		d.release()
		return nil, err
	}
	d.adopted = adopted
	return d, nil
}

// Outlived is both or neither: the kernel keeps the sessions.
func (d *Device) Outlived() (device, sessions bool) { return d.adopted, d.adopted }

const strangersPerSecond = 500

func (d *Device) open(config tunnel.Config) (adopted bool, err error) {
	if d.claim, err = claim(config.Name); err != nil {
		return false, err
	}
	if d.control, err = wgctrl.New(); err != nil {
		return false, err
	}
	link, adopted, err := findOrMake(config.Name)
	if err != nil {
		return adopted, err
	}
	d.index = link.Attrs().Index
	if err := d.configure(config, link); err != nil {
		return adopted, err
	}
	if d.loop, err = openLoopback(d); err != nil {
		return adopted, err
	}
	if d.foreign, err = openForeign(); err != nil {
		return adopted, err
	}
	if err := d.sharePort(); err != nil {
		return adopted, err
	}
	if err := d.watchLink(); err != nil {
		return adopted, err
	}
	d.pumps.Go(d.loop.read)
	d.pumps.Go(d.steer)
	return adopted, nil
}

// configure sets keys and port, and drops peers that nobody wants any more.
func (d *Device) configure(config tunnel.Config, link netlink.Link) error {
	present, err := d.control.Device(config.Name)
	if err != nil {
		return err
	}
	wanted := wgtypes.Config{}
	if key := wgtypes.Key(config.PrivateKey); present.PublicKey != key.PublicKey() {
		wanted.PrivateKey = &key
	}
	if config.ListenPort != 0 && present.ListenPort != config.ListenPort {
		wanted.ListenPort = &config.ListenPort
	}
	for _, known := range present.Peers {
		key := protocol.Key(known.PublicKey)
		if slices.Contains(config.Peers, key) {
			d.outlived[key] = known
		} else {
			wanted.Peers = append(wanted.Peers, wgtypes.PeerConfig{PublicKey: known.PublicKey, Remove: true})
		}
	}
	if err := d.control.ConfigureDevice(config.Name, wanted); err != nil {
		return fmt.Errorf("port %d: %w", config.ListenPort, err)
	}
	if err := netlink.LinkSetMTU(link, config.MTU); err != nil {
		return fmt.Errorf("MTU %d: %w", config.MTU, err)
	}
	// The kernel opens the port when the interface comes up.
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("port %d: %w", config.ListenPort, err)
	}
	if present, err = d.control.Device(config.Name); err != nil {
		return err
	}
	d.listenPort.Store(uint32(present.ListenPort))
	return nil
}

// watchLink closes gone when the interface is no more.
func (d *Device) watchLink() error {
	updates := make(chan netlink.LinkUpdate)
	err := netlink.LinkSubscribeWithOptions(updates, d.closing, netlink.LinkSubscribeOptions{ErrorCallback: func(error) {}})
	if err != nil {
		return err
	}
	go func() {
		var once sync.Once
		for update := range updates {
			if update.Header.Type == unix.RTM_DELLINK && int(update.Index) == d.index {
				once.Do(func() { close(d.gone) })
			}
		}
	}()
	return nil
}

// Gone closes when somebody has deleted the interface.
func (d *Device) Gone() <-chan struct{} { return d.gone }

func (d *Device) removeLink() {
	if link, err := netlink.LinkByIndex(d.index); err == nil {
		_ = netlink.LinkDel(link)
	}
}

// Close removes the interface.
func (d *Device) Close() {
	if d.share != nil {
		if err := d.share.Close(); err != nil {
			d.log.Warn("rules not removed", "device", d.name, "error", err)
		}
	}
	d.removeLink()
	d.release()
}

func (d *Device) release() {
	close(d.closing)
	d.steering.stop()
	if d.loop != nil {
		d.loop.close()
	}
	_ = d.port.Close()
	d.pumps.Wait()
	if d.foreign != nil {
		d.foreign.close()
	}
	if d.control != nil {
		_ = d.control.Close()
	}
	if d.claim != nil {
		_ = d.claim.Close()
	}
}
