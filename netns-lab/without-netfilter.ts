// SPDX-License-Identifier: Apache-2.0
/**
 * A kernel without netfilter, for one command and what it starts: `socket` for NETLINK_NETFILTER fails as there
 * (seccomp(2)), so neither nftables nor conntrack can be spoken to. For root.
 */

const NETLINK = 16
const NETFILTER = 12
const EPROTONOSUPPORT = 93

/** Numbers of the system calls, by Node's name of the processor. */
const CALLS: Readonly<Record<string, { readonly socket: number; readonly seccomp: number }>> = {
  x64: { socket: 41, seccomp: 317 },
  arm64: { socket: 198, seccomp: 277 },
}

/** Offsets in `struct seccomp_data` of the call's number and of its first and third argument, low halves. */
const [NUMBER, FAMILY, PROTOCOL] = [0, 16, 32]

const [LOAD, EQUALS, RETURN] = [0x20, 0x15, 0x06]
const [ALLOW, FAIL] = [0x7fff0000, 0x00050000]

/** The command with the words before it that take netfilter away. */
export function withoutNetfilter(command: readonly string[]): string[] {
  const calls = CALLS[process.arch]
  if (calls === undefined)
    throw new Error(`no numbers of system calls are known for ${process.arch}`)
  const orAllow = (value: number, elseJump: number) => [EQUALS, 0, elseJump, value]
  const filter = [
    [LOAD, 0, 0, NUMBER],
    orAllow(calls.socket, 5),
    [LOAD, 0, 0, FAMILY],
    orAllow(NETLINK, 3),
    [LOAD, 0, 0, PROTOCOL],
    orAllow(NETFILTER, 1),
    [RETURN, 0, 0, FAIL + EPROTONOSUPPORT],
    [RETURN, 0, 0, ALLOW],
  ]
  // Perl is part of every Debian, and can make a system call by number.
  const script = `my $filter = pack('(SCCL)*', ${filter.flat().join(', ')});
    my $program = pack('S x6 P', ${filter.length}, $filter);
    syscall(${calls.seccomp}, 1, 0, $program) == 0 or die "seccomp: $!";
    exec @ARGV or die "$ARGV[0]: $!"`
  return ['perl', '-e', script, ...command]
}
