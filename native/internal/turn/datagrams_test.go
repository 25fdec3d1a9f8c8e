// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

func TestATrainOfDatagramsIsCutApartAgain(t *testing.T) {
	server := newHost(t, "127.0.0.1:0")
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server.address))
	if err != nil {
		t.Fatal(err)
	}
	client := newDatagrams(socket)
	defer client.close()
	var mutex sync.Mutex
	heard := [][]byte{}
	go func() {
		_ = client.receive(func(frame []byte) {
			mutex.Lock()
			defer mutex.Unlock()
			heard = append(heard, bytes.Clone(frame))
		}, nil)
	}()
	for size := range 70 {
		batch := [][]byte{}
		for range 70 {
			batch = append(batch, bytes.Repeat([]byte{byte(size)}, 20*size))
		}
		batch = append(batch, []byte("last"))
		if err := client.data(numberMin, batch, 0); err != nil {
			t.Fatal(err)
		}
		// What the server gets it sends back, in trains, too.
		frames := [][]byte{}
		for range batch {
			text, _ := server.next(t, time.Second)
			frames = append(frames, []byte(text))
		}
		train, control := bytes.Join(frames[:40], nil), segmentControl(newSegmentControl(), len(frames[0]))
		to := socket.LocalAddr().(*net.UDPAddr).AddrPort()
		if _, _, err := server.WriteMsgUDPAddrPort(train, control, to); err != nil {
			t.Fatal(err)
		}
		until(t, "all come back", func() bool {
			mutex.Lock()
			defer mutex.Unlock()
			return len(heard) == 40
		})
		mutex.Lock()
		if !bytes.Equal(bytes.Join(heard, []byte("|")), bytes.Join(frames[:40], []byte("|"))) {
			t.Errorf("datagrams of %d bytes come back otherwise", 20*size)
		}
		heard = heard[:0]
		mutex.Unlock()
	}
}
