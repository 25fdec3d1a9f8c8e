// SPDX-License-Identifier: Apache-2.0
/** One transfer over TCP, and what the programs that carry it spend on it. */
import { readFileSync } from 'node:fs'
import type { LabHost } from '../../netns-lab/lab-host.ts'

const CLOCK_TICKS_PER_SECOND = 100

export interface Transfer {
  readonly mbits: number
  readonly bytes: number
  /** Of all processes together, while it went on. */
  readonly cpuSeconds: number
}

export interface TransferQuestion {
  readonly from: LabHost
  readonly to: LabHost
  readonly address: string
  readonly seconds: number
  readonly streams: number
  readonly pids: readonly number[]
}

export async function transfer(question: TransferQuestion): Promise<Transfer> {
  const { from, to, address, seconds, streams, pids } = question
  const server = to.spawn(['iperf3', '-s', '-1', '--forceflush', '-B', address], {
    log: `iperf3-${performance.now()}.log`,
  })
  await to.waitFor(async () => (await server.output()).includes('listening'), {
    deadlineMs: 5000,
    what: 'iperf3 listens',
  })
  const before = cpuSeconds(pids)
  const load = ['-t', String(seconds), '-P', String(streams)]
  const output = await from.run(['iperf3', '-J', ...load, '-c', address])
  const { bits_per_second: bitsPerSecond, bytes } = (
    JSON.parse(output) as { end: { sum_received: { bits_per_second: number; bytes: number } } }
  ).end.sum_received
  await server.exit
  return { mbits: bitsPerSecond / 1e6, bytes, cpuSeconds: cpuSeconds(pids) - before }
}

/** User and system time of some processes (proc(5), fields 14 and 15 of stat). */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
  }, 0)
}
