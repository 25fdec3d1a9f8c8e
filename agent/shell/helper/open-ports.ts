// SPDX-License-Identifier: Apache-2.0
/** Ports that only a privileged program may open are opened before `meshgate run` gives its privileges up. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Config } from '../state/config.ts'
import { Failure } from '../failure.ts'
import { helperProgram } from './launch-helper.ts'

/** Where the kernel does not say which ports are for everybody. */
const UNPRIVILEGED_FROM = 1024

/**
 * The start of a command line that opens the TCP port and then becomes the rest of it: see `meshgate-helper listen`.
 * Empty if the port is for everybody. Throws Failure if it cannot be opened.
 */
export function openPorts({ tcpPort, listenPort, listenAddresses }: Config): string[] {
  const port = tcpPort ?? listenPort
  if (port === undefined || port >= unprivilegedFrom()) return []
  const places = listenAddresses.flatMap((ip) => [
    '--tcp',
    `${ip.includes(':') ? `[${ip}]` : ip}:${port}`,
  ])
  const command = [helperProgram(), 'listen', ...places, '--']
  // Nobody can tell a Failure once this program has become that one.
  const trial = spawnSync(command[0]!, [...command.slice(1), '/bin/true'], { encoding: 'utf8' })
  if (trial.status === 0) return command
  const reason = trial.stderr.trim().replace(/^meshgate-helper: /, '')
  throw new Failure('listen-failed', reason || `cannot listen on TCP port ${port}`, {
    remedy:
      'choose another port with tcp_port in the configuration, or end the program that has this one',
  })
}

function unprivilegedFrom(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'))
  } catch {
    return UNPRIVILEGED_FROM
  }
}
