// SPDX-License-Identifier: Apache-2.0

package rawport

import (
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const loopbackIndex = 1

// filter passes what came to the port from outside. Of WireGuard's packets it passes only the head. The
// kernel gives an IPv4 socket the datagram with its header, and an IPv6 one what follows it.
func filter(family int, port uint16) []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtInterfaceIndex},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: loopbackIndex, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
	if family == unix.AF_INET {
		program = append(program, bpf.LoadMemShift{Off: 0})
	} else {
		program = append(program, bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
	}
	return append(program,
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadIndirect{Off: sizeUDP, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x01000000, SkipTrue: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x02000000, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x03000000, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x04000000, SkipTrue: 1},
		bpf.RetConstant{Val: packetSizeMax},
		bpf.TXA{},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: sizeUDP + headSize},
		bpf.RetA{},
	)
}

func attach(fd, family int, port uint16) error {
	program, err := bpf.Assemble(filter(family, port))
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(program))
	for i, instruction := range program {
		code[i] = unix.SockFilter{Code: instruction.Op, Jt: instruction.Jt, Jf: instruction.Jf, K: instruction.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
		Len: uint16(len(code)), Filter: (*unix.SockFilter)(unsafe.Pointer(&code[0])),
	})
}
