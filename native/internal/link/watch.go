// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"time"

	"github.com/vishvananda/netlink"
)

const (
	// settleTime is how long it has to be quiet before a change is told: one change of network is
	// many changes of links, addresses and routes.
	settleTime = 200 * time.Millisecond
	// settleTimeMax bounds the wait while it never gets quiet.
	settleTimeMax = 2 * time.Second
	// againTime is the wait before another subscription after one was lost.
	againTime = time.Second
)

// Watch calls changed whenever links, addresses or default routes have changed and settled. It goes
// on until the context is done.
func Watch(ctx context.Context, changed func()) error {
	notices, err := subscribe(ctx)
	if err != nil {
		return err
	}
	go func() {
		for ctx.Err() == nil {
			if notices != nil {
				settle(ctx, notices, changed)
			}
			select {
			case <-ctx.Done():
			case <-time.After(againTime):
				// What happened meanwhile went unheard.
				if notices, err = subscribe(ctx); err == nil {
					changed()
				}
			}
		}
	}()
	return nil
}

// settle returns when the subscription is lost.
func settle(ctx context.Context, notices <-chan struct{}, changed func()) {
	var quiet, latest <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-notices:
			if !ok {
				return
			}
			quiet = time.After(settleTime)
			if latest == nil {
				latest = time.After(settleTimeMax)
			}
			continue
		case <-quiet:
		case <-latest:
		}
		quiet, latest = nil, nil
		changed()
	}
}

// subscribe's channel closes when any of the three subscriptions ends.
func subscribe(ctx context.Context) (<-chan struct{}, error) {
	ctx, cancel := context.WithCancel(ctx)
	links := make(chan netlink.LinkUpdate)
	addresses := make(chan netlink.AddrUpdate)
	routes := make(chan netlink.RouteUpdate)
	// The library says what went wrong only here, and closes its channel.
	ignore := func(error) {}
	subscriptions := []func() error{
		func() error {
			return netlink.LinkSubscribeWithOptions(links, ctx.Done(), netlink.LinkSubscribeOptions{ErrorCallback: ignore})
		},
		func() error {
			return netlink.AddrSubscribeWithOptions(addresses, ctx.Done(), netlink.AddrSubscribeOptions{ErrorCallback: ignore})
		},
		func() error {
			return netlink.RouteSubscribeWithOptions(routes, ctx.Done(), netlink.RouteSubscribeOptions{ErrorCallback: ignore})
		},
	}
	for _, subscribe := range subscriptions {
		if err := subscribe(); err != nil {
			cancel()
			return nil, err
		}
	}
	notices := make(chan struct{})
	go func() {
		defer close(notices)
		// The library's goroutines end only once nobody lets them wait.
		defer func() { go drain(links); go drain(addresses); go drain(routes) }()
		defer cancel()
		for {
			var open, relevant bool
			select {
			case _, open = <-links:
				relevant = true
			case _, open = <-addresses:
				relevant = true
			case update, ok := <-routes:
				open, relevant = ok, isDefault(update.Route)
			}
			if !open {
				return
			}
			if !relevant {
				continue
			}
			select {
			case notices <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return notices, nil
}

func drain[T any](updates <-chan T) {
	for range updates {
	}
}

func isDefault(route netlink.Route) bool {
	if route.Dst == nil {
		return true
	}
	bits, _ := route.Dst.Mask.Size()
	return bits == 0
}
