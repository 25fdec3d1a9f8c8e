// SPDX-License-Identifier: Apache-2.0
/**
 * The same two hosts behind NATs, over a hub, over a TURN server and directly, one after the other in one run: throughput
 * as a ratio to direct, and what each packet costs in CPU at the ends and in between.
 */
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, median, spread } from './figures.ts'
import { cpuSeconds, type Transfer, transfer } from './iperf.ts'
import { pidIn } from './process-id.ts'

const SECONDS = 4
/** What TCP puts into one packet of the mesh: its MTU of 1280 less 20 bytes of IPv4 and 32 of TCP with timestamps. */
const PAYLOAD_BYTES = 1_228

const cable = { link: { emulate: false } } as const

export async function benchRelayed(rounds: number): Promise<BenchResult> {
  const lab = await startLab({
    name: 'bench-relayed',
    hosts: {
      hub: cable,
      turn: cable,
      left: { behind: 'home-a', ...cable },
      right: { behind: 'home-b', ...cable },
    },
    nats: {
      'home-a': { kind: 'symmetric', ...cable },
      'home-b': { kind: 'symmetric', ...cable },
    },
    services: {
      turn: { kind: 'coturn', on: 'turn', turn: { user: 'mesh', password: 'gate', realm: 'lab' } },
    },
  })
  try {
    const [hub, left, right] = ['hub', 'left', 'right'].map((name) => new Member(lab.host(name)))
    if (hub === undefined || left === undefined || right === undefined) throw new Error('no hosts')
    await left.configure(
      `mtu = 1280\n[[turn]]\nid = "turn"\nurl = "turn:${lab.host('turn').address}"\nusername = "mesh"\npassword = "gate"\n`,
    )
    await right.configure('mtu = 1280\n')
    await hub.configure('relay = true\n')
    await hub.init()
    await hub.run()
    const token = await hub.createToken('--uses', '2')
    for (const one of [left, right]) {
      await one.join(token)
      await one.run()
    }
    const ends = await helpersOf([left.host, right.host])
    const run = async (kind: string, between: readonly number[]) => {
      await Promise.all([left.reaches('right', kind), right.reaches('left', kind)])
      return measure(lab, (await left.peer('right')).addresses[0]!, ends, between, rounds)
    }
    const relay = await run('relay', await helpersOf([hub.host]))
    await hub.configure('relay = false\n')
    await hub.do(['reload'])
    const turn = await run('turn', [await pidIn(lab.host('turn'), 'turnserver')])
    await lab.set('home-a', { kind: 'full-cone' })
    await lab.set('home-b', { kind: 'full-cone' })
    for (const one of [left, right]) await one.do(['netcheck', '--refresh'])
    const direct = await run('direct', [])
    return report({ direct, 'over a hub': relay, 'over TURN (UDP)': turn })
  } finally {
    await lab.stop()
  }
}

interface Sample extends Transfer {
  /** Of the transfer's CPU, the hub's or the server's. */
  readonly betweenSeconds: number
}

async function measure(
  lab: Lab,
  address: string,
  ends: readonly number[],
  between: readonly number[],
  rounds: number,
): Promise<Sample[]> {
  const [from, to] = [lab.host('left'), lab.host('right')]
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    const before = cpuSeconds(between)
    const moved = await transfer({ from, to, address, seconds: SECONDS, streams: 1, pids: ends })
    samples.push({ ...moved, betweenSeconds: cpuSeconds(between) - before })
  }
  return samples
}

function helpersOf(hosts: readonly LabHost[]): Promise<number[]> {
  return Promise.all(hosts.map((host) => pidIn(host, 'meshgate-helper')))
}

function report(ways: Readonly<Record<string, readonly Sample[]>>): BenchResult {
  const rows: string[] = []
  const facts: Record<string, unknown> = {}
  const direct = median((ways['direct'] ?? []).map(({ mbits }) => mbits))
  for (const [name, samples] of Object.entries(ways)) {
    const perPacketUs = (seconds: (sample: Sample) => number) =>
      median(samples.map((s) => (seconds(s) * 1e6) / (s.bytes / PAYLOAD_BYTES)))
    const mbits = samples.map((sample) => sample.mbits)
    const ratio = median(mbits) / direct
    const endsUs = perPacketUs((sample) => sample.cpuSeconds)
    const betweenUs = perPacketUs(({ betweenSeconds }) => betweenSeconds)
    facts[name] = { toDirect: ratio, endsCpuUsPerPacket: endsUs, betweenCpuUsPerPacket: betweenUs }
    rows.push(
      `${name}: ${spread(mbits)} Mbit/s, ${ratio.toFixed(2)} of direct; CPU per packet ${endsUs.toFixed(1)} us at both ends, ${betweenUs.toFixed(1)} us in between`,
    )
  }
  return { rows, facts }
}
