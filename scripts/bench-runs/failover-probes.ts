// SPDX-License-Identifier: Apache-2.0
/** What it costs to know which paths are alive: probes on the wire, in both directions, IP and UDP headers included. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Member } from '../../netns-lab/member.ts'
import type { Outcome } from './failover-outcome.ts'
import { type Mesh, otherOf } from './failover-pairs.ts'

/** Some of the slowest probes of an idle path. */
const COST_MS = 60_000
const REST_WITHIN_MS = 300_000
/** IPv4 and UDP. */
const HEADERS_BYTES = 28

export async function probeCost({ pairs }: Mesh): Promise<Outcome> {
  const { alice, bob } = pairs[0]!
  const peers = (await alice.status()).peers.length
  const idle = await probeBytesAtRest(alice)
  const address = (await otherOf(alice, bob)).addresses[0] ?? ''
  const ping = alice.host.spawn(['ping', '-i', '0.2', address], { log: 'cost.log' })
  const busy = await probeBytes(alice)
  ping.kill('SIGINT')
  const perIdlePeer = idle / peers
  const [one, other] = [perIdlePeer.toFixed(1), (busy - idle + perIdlePeer).toFixed(0)]
  const title = `probes, minutes after the start: ${one} B/s an idle peer, ${other} B/s a peer with traffic (of ${peers} peers)`
  return { what: 'meshgate', title, gapsMs: [], sent: 0, lost: 0 }
}

/** Paths that have just come up are asked often, and candidates that never answer for a while. */
async function probeBytesAtRest(member: Member): Promise<number> {
  const deadline = performance.now() + REST_WITHIN_MS
  for (let last = Infinity; ; ) {
    const bytes = await probeBytes(member)
    // A window holds a probe of a slow path more or less than the next one.
    if (bytes >= 0.8 * last) return Math.min(bytes, last)
    if (performance.now() > deadline) throw new Error('the probes of an idle host did not rest')
    last = bytes
  }
}

async function probeBytes(member: Member): Promise<number> {
  const capture = await member.host.capture('any', 'udp and udp[8:4] = 0x6d677001')
  await sleep(COST_MS)
  const { packets } = await capture.stop()
  const bytes = packets.reduce((sum, { line }) => {
    const length = /length (\d+)/.exec(line)?.[1]
    return sum + (length === undefined ? 0 : Number(length) + HEADERS_BYTES)
  }, 0)
  return bytes / (COST_MS / 1000)
}
