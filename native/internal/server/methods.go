// SPDX-License-Identifier: Apache-2.0

package server

import (
	"time"

	"meshgate.dev/native/internal/protocol"
)

// nothing is the result of a method that has none.
type nothing struct{}

func (c *connection) handle(request *protocol.Request) {
	if request.Method == "hello" {
		c.answerHello(request)
		return
	}
	if request.Method == "carry" && !c.greeted.Load() {
		c.answerCarry(request)
		return
	}
	if !c.greeted.Load() {
		c.answer(request, nil, protocol.Faultf(protocol.CodeHelloFirst, "say hello first"))
		return
	}
	engine := c.server.engine
	switch request.Method {
	case "apply":
		desired, fault := protocol.ReadApply(request.Params)
		if fault != nil {
			c.answer(request, nil, fault)
			return
		}
		result, fault := engine.Apply(desired)
		if fault == nil && len(result.Changed) > 0 {
			c.server.keep(request.Params, desired.Device != nil)
		}
		c.answer(request, result, fault)
	case "state":
		if fault := protocol.ReadNothing(request.Params); fault != nil {
			c.answer(request, nil, fault)
			return
		}
		c.answer(request, engine.State(), nil)
	case "probe":
		params, fault := protocol.ReadProbe(request.Params)
		if fault == nil {
			fault = engine.Probe(params)
		}
		c.answer(request, nothing{}, fault)
	case "search":
		params, fault := protocol.ReadSearch(request.Params)
		if fault == nil {
			fault = engine.Search(params)
		}
		c.answer(request, nothing{}, fault)
	case "stop-search":
		peer, fault := protocol.ReadStopSearch(request.Params)
		if fault == nil {
			fault = engine.StopSearch(peer)
		}
		c.answer(request, nothing{}, fault)
	case "send-datagram":
		params, fault := protocol.ReadDatagram(request.Params)
		if fault == nil {
			fault = engine.SendDatagram(params)
		}
		c.answer(request, nothing{}, fault)
	case "echo":
		params, fault := protocol.ReadEcho(request.Params)
		c.answerLater(request, fault, func() (any, *protocol.Fault) { return engine.Echo(params) })
	case "measure":
		params, fault := protocol.ReadMeasure(request.Params)
		c.answerLater(request, fault, func() (any, *protocol.Fault) { return engine.Measure(params) })
	case "shutdown":
		fault := protocol.ReadNothing(request.Params)
		c.answer(request, nothing{}, fault)
		if fault == nil {
			c.log.Info("shutdown requested")
			c.server.requestShutdown()
		}
	default:
		c.answer(request, nil, protocol.Faultf(protocol.CodeUnknownMethod, "there is no such method"))
	}
}

func (c *connection) answerHello(request *protocol.Request) {
	client, fault := protocol.ReadHello(request.Params)
	if fault != nil {
		c.answer(request, nil, fault)
		return
	}
	_ = c.socket.SetReadDeadline(time.Time{})
	c.log.Info("agent connected", "client", client)
	c.answer(request, c.server.hello, nil)
	// Events may follow, and none may come before the answer.
	c.greeted.Store(true)
}

// answerLater waits for the network beside the other requests.
func (c *connection) answerLater(request *protocol.Request, fault *protocol.Fault, ask func() (any, *protocol.Fault)) {
	if fault != nil {
		c.answer(request, nil, fault)
		return
	}
	select {
	case c.waiting <- struct{}{}:
	default:
		c.answer(request, nil, protocol.Faultf(protocol.CodeTooMany, "%d requests wait for the network", waitingMax))
		return
	}
	go func() {
		defer func() { <-c.waiting }()
		result, fault := ask()
		c.answer(request, result, fault)
	}()
}
