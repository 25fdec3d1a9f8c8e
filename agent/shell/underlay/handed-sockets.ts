// SPDX-License-Identifier: Apache-2.0
/**
 * Listening sockets that somebody with the right to their ports opened for this process: `meshgate run` before it gave
 * up what root may do, or a socket unit of systemd (sd_listen_fds(3)).
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { formatIp } from '../../../nat/address.ts'
import { Failure } from '../failure.ts'
import type { ListenAddress } from './underlay-node.ts'

export interface HandedSocket extends ListenAddress {
  readonly descriptor: number
}

/** The descriptor of the first socket; the protocol has it so. */
const FIRST = 3
const SOCKETS_MAX = 32
/** TCP_LISTEN of the kernel's tcp_states.h, as /proc shows it. */
const LISTENS = '0A'

/** The sockets that this process was given, in their order. What is no listening TCP socket is passed by. */
export function handedSockets(environment: NodeJS.ProcessEnv, pid: number): HandedSocket[] {
  // Another process's sockets: the variables outlive an exec that changes the process.
  if (environment['LISTEN_PID'] !== String(pid)) return []
  const count = Math.min(SOCKETS_MAX, Number(environment['LISTEN_FDS']) || 0)
  const listening = listeningSockets()
  return Array.from({ length: count }, (_, i) => FIRST + i).flatMap((descriptor) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(descriptor))?.[1]
    const address = inode === undefined ? undefined : listening.get(inode)
    return address === undefined ? [] : [{ ...address, descriptor }]
  })
}

/** Where each listening TCP socket of this network namespace listens, by inode. */
function listeningSockets(): ReadonlyMap<string, ListenAddress> {
  const lines = ['tcp', 'tcp6'].flatMap((table) => textOf(`/proc/self/net/${table}`).split('\n'))
  return new Map(
    lines.flatMap((line): [string, ListenAddress][] => {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      const [ip = '', port = ''] = local.split(':')
      if (state !== LISTENS || inode === undefined) return []
      return [[inode, { ip: ipOf(ip), port: Number.parseInt(port, 16) }]]
    }),
  )
}

/** /proc prints words of 32 bits in the machine's own order, which on all that we run on is little-endian. */
function ipOf(hex: string): string {
  const words = Buffer.from(hex, 'hex')
  return formatIp(words.swap32())
}

function linkOf(descriptor: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return ''
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Where to listen: on the sockets that were handed over, or else where the configuration says. */
export function listenPlaces(
  wanted: readonly ListenAddress[],
  handed: readonly HandedSocket[],
): readonly ListenAddress[] {
  if (handed.length === 0) return wanted
  const ports = new Set(wanted.map(({ port }) => port))
  if (handed.some(({ port }) => ports.has(port))) return handed
  const [given, port] = [handed.map((one) => one.port).join(', '), [...ports].join(', ')]
  throw new Failure('listen-failed', `was handed TCP port ${given}, but tcp_port is ${port}`, {
    remedy: 'say the same in tcp_port and in the socket unit',
  })
}
