// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Bounds of what single requests may ask for.
const (
	DatagramLengthMax    = 1400
	EchoSizeBytesMin     = 16
	EchoSizeBytesMax     = 65_000
	EchoSizeBytesDefault = 56
	EchoTimeoutMsMax     = 60_000
	EchoTimeoutMsDefault = 2_000
	clientLengthMax      = 200
	SearchSocketsMax     = 256
	SearchEndpointsMax   = 1_024
	SearchPerSecondMax   = 200
	SearchDurationMsMax  = 60_000

	// MeasureSizeBytesMax is that of a jumbo frame; the least is what every IPv4 host takes.
	MeasureSizeBytesMin     = 576
	MeasureSizeBytesMax     = 9_000
	MeasureTimeoutMsDefault = 1_000
)

// ProbeParams asks for one sealed probe to a candidate.
type ProbeParams struct {
	Peer     Key
	Endpoint netip.AddrPort
	// Source is the address of ours that it leaves from; the zero address is the kernel's choice.
	Source      netip.Addr
	Transaction Transaction
}

// DatagramParams asks for one datagram from the port.
type DatagramParams struct {
	To netip.AddrPort
	// Source is as in ProbeParams.
	Source  netip.Addr
	Payload []byte
}

// EchoParams asks for a round trip inside the session.
type EchoParams struct {
	Peer      Key
	SizeBytes int
	Timeout   time.Duration
}

// MeasureParams asks for a round trip over one path with the packets that IP packets of a size become.
type MeasureParams struct {
	Peer      Key
	Path      string
	SizeBytes int
	Timeout   time.Duration
}

// ReadHello reads the params of `hello`.
func ReadHello(tree any) (client string, fault *Fault) {
	o := paramsObject(tree)
	version, given := o.take("protocol")
	if given && fmt.Sprint(version) != fmt.Sprint(Version) {
		return "", &Fault{
			Code:    CodeProtocolNotSupported,
			Message: fmt.Sprintf("this helper speaks protocol %d only", Version),
			Data:    map[string][]int{"supported": {Version}},
		}
	}
	o.integer("protocol", Version, Version)
	o.text("client", into(&client, parseClient), "give a name and version")
	return client, o.end()
}

func parseClient(text string) (string, error) {
	if len(text) > clientLengthMax {
		return "", fmt.Errorf("longer than %d bytes", clientLengthMax)
	}
	return text, nil
}

// ReadApply reads the params of `apply`; what is desired has its own refusal.
func ReadApply(tree any) (*Desired, *Fault) {
	o := paramsObject(tree)
	value, _ := o.need("desired")
	if fault := o.end(); fault != nil {
		return nil, fault
	}
	desired, problems := ReadDesired(value)
	if len(problems) > 0 {
		return nil, Refusal(CodeRefused, problems)
	}
	return desired, nil
}

// ReadDesiredText reads a document that was kept.
func ReadDesiredText(text []byte) (*Desired, *Fault) {
	tree, err := parseTree(text)
	if err != nil {
		return nil, Faultf(CodeInvalidRequest, "not JSON: %v", err)
	}
	desired, problems := ReadDesired(tree)
	if len(problems) > 0 {
		return nil, Refusal(CodeRefused, problems)
	}
	return desired, nil
}

// ReadNothing reads the params of a method that has none.
func ReadNothing(tree any) *Fault {
	return paramsObject(tree).end()
}

// ReadProbe reads the params of `probe`.
func ReadProbe(tree any) (params ProbeParams, fault *Fault) {
	o := paramsObject(tree)
	params.Peer = o.key("peer")
	o.text("endpoint", into(&params.Endpoint, ParseEndpoint), "give an address and port")
	params.Source = o.source(params.Endpoint)
	params.Transaction = o.transaction()
	return params, o.end()
}

func (o *object) transaction() (transaction Transaction) {
	o.text("transaction", into(&transaction, ParseTransaction), "give 32 lower-case hexadecimal digits")
	return transaction
}

// ReadDatagram reads the params of `send-datagram`.
func ReadDatagram(tree any) (params DatagramParams, fault *Fault) {
	o := paramsObject(tree)
	o.text("to", into(&params.To, ParseEndpoint), "give an address and port")
	params.Source = o.source(params.To)
	o.text("payload", into(&params.Payload, parsePayload), fmt.Sprintf("give 1 to %d bytes in base64", DatagramLengthMax))
	return params, o.end()
}

var errPayload = errors.New("not a payload in base64, or of a wrong length")

func parsePayload(text string) ([]byte, error) {
	payload, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(payload) == 0 || len(payload) > DatagramLengthMax {
		return nil, errPayload
	}
	return payload, nil
}

// ReadEcho reads the params of `echo`.
func ReadEcho(tree any) (params EchoParams, fault *Fault) {
	o := paramsObject(tree)
	params.Peer = o.key("peer")
	params.SizeBytes = o.optionalInteger("sizeBytes", EchoSizeBytesMin, EchoSizeBytesMax, EchoSizeBytesDefault)
	timeoutMs := o.optionalInteger("timeoutMs", 1, EchoTimeoutMsMax, EchoTimeoutMsDefault)
	params.Timeout = time.Duration(timeoutMs) * time.Millisecond
	return params, o.end()
}

// ReadMeasure reads the params of `measure`.
func ReadMeasure(tree any) (params MeasureParams, fault *Fault) {
	o := paramsObject(tree)
	params.Peer = o.key("peer")
	o.text("path", into(&params.Path, parsePathID), "give the id of one of the peer's paths")
	params.SizeBytes = o.integer("sizeBytes", MeasureSizeBytesMin, MeasureSizeBytesMax)
	timeoutMs := o.optionalInteger("timeoutMs", 1, EchoTimeoutMsMax, MeasureTimeoutMsDefault)
	params.Timeout = time.Duration(timeoutMs) * time.Millisecond
	return params, o.end()
}

func paramsObject(tree any) *object {
	d := &document{}
	o, _ := d.object("params", tree)
	o.path = ""
	return o
}

func (o *object) end() *Fault {
	o.close()
	if len(o.problems) > 0 {
		return Refusal(CodeInvalidParams, o.problems)
	}
	return nil
}
