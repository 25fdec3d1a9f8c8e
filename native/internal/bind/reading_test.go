// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

const testDatagram = 1_200

// openFor opens sockets that tell apart, or not, and a socket that sends them runs which the kernel joins.
func openFor(t testing.TB, several bool) (receive conn.ReceiveFunc, send func(count int)) {
	t.Helper()
	sockets := &families{}
	sockets.tellsApart.Store(several)
	receivers, port, err := sockets.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sockets.Close() })
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port))
	socket, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, testDatagram) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return receivers[0], func(count int) {
		run := make([]byte, count*testDatagram)
		for i := range count {
			run[i*testDatagram] = byte(i)
		}
		if _, err := socket.Write(run); err != nil {
			t.Fatal(err)
		}
	}
}

func emptyBatch() (packets [][]byte, sizes []int, endpoints []conn.Endpoint) {
	for range conn.IdealBatchSize {
		packets = append(packets, make([]byte, 1<<16-1))
	}
	return packets, make([]int, conn.IdealBatchSize), make([]conn.Endpoint, conn.IdealBatchSize)
}

func TestJoinedDatagramsKeepTheAddressThatTheyWereWrittenTo(t *testing.T) {
	receive, send := openFor(t, true)
	send(40)
	packets, sizes, endpoints := emptyBatch()
	for seen := 0; seen < 40; {
		count, err := receive(packets, sizes, endpoints)
		if err != nil {
			t.Fatal(err)
		}
		for i := range count {
			if sizes[i] != testDatagram || packets[i][0] != byte(seen) {
				t.Fatalf("datagram %d is number %d and has %d bytes", seen, packets[i][0], sizes[i])
			}
			if source := endpoints[i].(*conn.StdNetEndpoint).SrcIP(); source != netip.MustParseAddr("127.0.0.2") {
				t.Fatalf("datagram %d was written to %v", seen, source)
			}
			seen++
		}
	}
}

// The processor's time counts, so that other work on the machine does not.
func BenchmarkReceiving(b *testing.B) {
	for name, several := range map[string]bool{"own": true, "wireguard-go": false} {
		b.Run(name, func(b *testing.B) {
			receive, send := openFor(b, several)
			packets, sizes, endpoints := emptyBatch()
			var spent time.Duration
			for b.Loop() {
				send(50)
				for seen := 0; seen < 50; {
					began := processorTime(b)
					count, err := receive(packets, sizes, endpoints)
					spent += processorTime(b) - began
					if err != nil {
						b.Fatal(err)
					}
					seen += count
				}
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*50), "cpu-ns/datagram")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &at); err != nil {
		b.Fatal(err)
	}
	return time.Duration(at.Nano())
}
