// SPDX-License-Identifier: Apache-2.0

package stunserver

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

var (
	noon = time.Unix(1_700_000_000, 0)
	from = netip.MustParseAddrPort("198.51.100.7:41820")
)

func binding(t testing.TB, more ...stun.Setter) []byte {
	t.Helper()
	message, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return message.Raw
}

func answerOf(t *testing.T, request []byte, from netip.AddrPort) *stun.Message {
	t.Helper()
	server := Server{}
	verdict, answer := server.Read(request, from, noon)
	message := &stun.Message{Raw: answer.Message}
	if verdict != Reply || message.Decode() != nil || !bytes.Equal(answer.Message[4:20], request[4:20]) {
		t.Fatalf("verdict %d, answer %x", verdict, answer.Message)
	}
	return message
}

func TestABindingRequestIsToldItsOwnAddress(t *testing.T) {
	for _, address := range []netip.AddrPort{from, netip.MustParseAddrPort("[2001:db8::1]:5")} {
		answer := answerOf(t, binding(t), address)
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(answer); err != nil || mapped.String() != address.String() {
			t.Errorf("mapped %v, %v", mapped, err)
		}
		if answer.Contains(stun.AttrFingerprint) || answer.Contains(stun.AttrSoftware) {
			t.Errorf("answer says more than was asked: %v", answer)
		}
	}
}

func TestAFingerprintIsAnsweredWithOne(t *testing.T) {
	answer := answerOf(t, binding(t, stun.Fingerprint), from)
	if err := stun.Fingerprint.Check(answer); err != nil {
		t.Error(err)
	}
}

func TestARequestWithAWrongFingerprintIsDropped(t *testing.T) {
	request := binding(t, stun.Fingerprint)
	request[len(request)-1] ^= 1
	server := Server{}
	if verdict, _ := server.Read(request, from, noon); verdict != Drop {
		t.Errorf("verdict %d", verdict)
	}
}

func TestAnAttributeThatMustBeUnderstoodAndIsNotGetsA420(t *testing.T) {
	changeRequest := stun.RawAttribute{Type: stun.AttrChangeRequest, Value: []byte{0, 0, 0, 6}}
	answer := answerOf(t, binding(t, changeRequest, stun.NewUsername("somebody")), from)
	var code stun.ErrorCodeAttribute
	var unknown stun.UnknownAttributes
	if code.GetFrom(answer) != nil || code.Code != 420 || unknown.GetFrom(answer) != nil ||
		len(unknown) != 1 || unknown[0] != stun.AttrChangeRequest {
		t.Errorf("answer %v", answer)
	}
}

func TestTheAnswerGoesToThePortThatIsAskedForButToNoOtherAddress(t *testing.T) {
	for value, port := range map[string]uint16{"\x12\x34": 0x1234, "\x12\x34\x00\x00": 0x1234, "\x00\x00": from.Port(), "\x01": from.Port()} {
		request := binding(t, stun.RawAttribute{Type: attrResponsePort, Value: []byte(value)})
		server := Server{}
		verdict, answer := server.Read(request, from, noon)
		if verdict != Reply || answer.To != netip.AddrPortFrom(from.Addr(), port) {
			t.Errorf("%x: verdict %d, to %s", value, verdict, answer.To)
		}
		var mapped stun.XORMappedAddress
		message := &stun.Message{Raw: answer.Message}
		if message.Decode() != nil || mapped.GetFrom(message) != nil || mapped.Port != int(from.Port()) {
			t.Errorf("%x: it is told of %v", value, mapped)
		}
	}
}

func TestAnythingElseThatIsSTUNIsForTheAgent(t *testing.T) {
	for _, kind := range []stun.MessageType{
		stun.BindingSuccess, stun.BindingError, stun.NewType(stun.MethodAllocate, stun.ClassRequest),
		stun.NewType(stun.MethodBinding, stun.ClassIndication),
	} {
		message := stun.MustBuild(stun.TransactionID, kind)
		server := Server{}
		if verdict, _ := server.Read(message.Raw, from, noon); verdict != Pass {
			t.Errorf("%v: verdict %d", kind, verdict)
		}
	}
}

func TestAMalformedMessageIsDropped(t *testing.T) {
	request := binding(t, stun.NewUsername("somebody"))
	server := Server{}
	if verdict, _ := server.Read(request[:len(request)-4], from, noon); verdict != Drop {
		t.Errorf("verdict %d", verdict)
	}
}

func TestAnswersAreBoundedForOneSourceAndForAll(t *testing.T) {
	server, request := Server{}, binding(t)
	count := func(address func(i int) netip.Addr, now time.Time) (answered int) {
		for i := range 5_000 {
			if verdict, _ := server.Read(request, netip.AddrPortFrom(address(i), 1), now); verdict == Reply {
				answered++
			}
		}
		return answered
	}
	one := func(int) netip.Addr { return from.Addr() }
	many := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	neighbours := func(i int) netip.Addr { return netip.AddrFrom16([16]byte{0: 0x20, 14: byte(i >> 8), 15: byte(i)}) }
	if got := count(one, noon); got != answersPerSourcePerSecond {
		t.Errorf("one source got %d answers", got)
	}
	if got := count(many, noon); got != answersPerSecond-answersPerSourcePerSecond {
		t.Errorf("many sources got %d answers", got)
	}
	if got := count(neighbours, noon.Add(time.Second)); got != answersPerSourcePerSecond {
		t.Errorf("one /64 got %d answers", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(binding(f))
	f.Add(binding(f, stun.Fingerprint))
	f.Add(binding(f, stun.RawAttribute{Type: attrResponsePort, Value: []byte{0x12, 0x34, 0, 0}}))
	f.Add(binding(f, stun.RawAttribute{Type: stun.AttrChangeRequest, Value: []byte{0, 0, 0, 6}}))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		server := Server{}
		verdict, answer := server.Read(datagram, from, noon)
		if verdict != Reply {
			return
		}
		message := answer.Message
		if len(message) > 100 || len(datagram) < 20 || !bytes.Equal(message[4:20], datagram[4:20]) {
			t.Errorf("%x is answered with %x", datagram, message)
		}
		if answer.To.Addr() != from.Addr() || answer.To.Port() == 0 {
			t.Errorf("%x is answered to %s", datagram, answer.To)
		}
	})
}
