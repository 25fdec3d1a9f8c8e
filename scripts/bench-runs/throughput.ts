// SPDX-License-Identifier: Apache-2.0
/**
 * Two hosts on one fast link, three ways between them: nothing, Debian's wireguard-go, meshgate. The ways take turns, so
 * that a machine that slows down slows them all; ratios are of the medians.
 */
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { Member } from '../../netns-lab/member.ts'
import { type BenchResult, median, spread } from './figures.ts'
import { transfer } from './iperf.ts'
import { pidIn } from './process-id.ts'

const STREAMS = [1, 4] as const
const SECONDS = 4

interface Way {
  readonly name: string
  readonly address: string
  /** Process ids of the tunnel programs at both ends. */
  readonly pids: readonly number[]
}

interface Sample {
  readonly mbits: number
  readonly cpuSecondsPerGbit: number
}

export async function benchThroughput(rounds: number): Promise<BenchResult> {
  const lab = await startLab({
    name: 'bench-throughput',
    hosts: { left: { link: { emulate: false } }, right: { link: { emulate: false } } },
  })
  try {
    const ways = [nothing(lab), await wireguardGo(lab), await meshgate(lab)]
    const samples = new Map<string, Sample[]>()
    for (let round = 0; round < rounds; round++) {
      for (const streams of STREAMS) {
        for (const way of ways) {
          const key = `${way.name}/${streams}`
          const sample = await measure(lab, way, streams)
          samples.set(key, [...(samples.get(key) ?? []), sample])
        }
      }
    }
    return report(ways, samples)
  } finally {
    await lab.stop()
  }
}

function nothing(lab: Lab): Way {
  return { name: 'no tunnel', address: lab.host('right').address, pids: [] }
}

async function wireguardGo(lab: Lab): Promise<Way> {
  const keys = new Map<string, string>()
  for (const name of ['left', 'right']) {
    const host = lab.host(name)
    await host.run(['wireguard-go', 'wg0'])
    const key = (await host.run(['wg', 'genkey'])).trim()
    await host.run([
      'sh',
      '-c',
      `echo ${key} >/run/wg.key && wg set wg0 listen-port 51820 private-key /run/wg.key`,
    ])
    keys.set(name, (await host.run(['wg', 'pubkey'], { input: key })).trim())
  }
  const addresses = { left: '10.99.0.1', right: '10.99.0.2' }
  for (const [name, other] of [
    ['left', 'right'],
    ['right', 'left'],
  ] as const) {
    const host = lab.host(name)
    const peer = ['peer', keys.get(other)!, 'endpoint', `${lab.host(other).address}:51820`]
    await host.run(['wg', 'set', 'wg0', ...peer, 'allowed-ips', `${addresses[other]}/32`])
    await host.run(['ip', 'address', 'add', `${addresses[name]}/24`, 'dev', 'wg0'])
    await host.run(['ip', 'link', 'set', 'dev', 'wg0', 'mtu', '1420', 'up'])
  }
  const pids = await Promise.all(
    ['left', 'right'].map((name) => pidIn(lab.host(name), 'wireguard-go')),
  )
  return { name: 'wireguard-go', address: addresses.right, pids }
}

async function meshgate(lab: Lab): Promise<Way> {
  const left = new Member(lab.host('left'))
  const right = new Member(lab.host('right'))
  await left.init()
  await left.run()
  await right.join(await left.createToken())
  await right.run()
  const { addresses } = await left.reaches('right')
  const pids = await Promise.all([left, right].map((one) => pidIn(one.host, 'meshgate-helper')))
  return { name: 'meshgate', address: addresses[0]!, pids }
}

async function measure(lab: Lab, way: Way, streams: number): Promise<Sample> {
  const [from, to] = [lab.host('left'), lab.host('right')]
  const { address, pids } = way
  const { mbits, bytes, cpuSeconds } = await transfer({
    from,
    to,
    address,
    seconds: SECONDS,
    streams,
    pids,
  })
  return { mbits, cpuSecondsPerGbit: cpuSeconds / ((bytes * 8) / 1e9) }
}

function report(
  ways: readonly Way[],
  samples: ReadonlyMap<string, readonly Sample[]>,
): BenchResult {
  const rows: string[] = []
  const facts: Record<string, unknown> = {}
  for (const streams of STREAMS) {
    const of = (name: string) => samples.get(`${name}/${streams}`) ?? []
    const mbits = (name: string) => of(name).map((sample) => sample.mbits)
    const cpu = (name: string) => of(name).map((sample) => sample.cpuSecondsPerGbit)
    for (const { name, pids } of ways) {
      const busy = pids.length === 0 ? '' : `, ${spread(cpu(name), 2)} CPU s per Gbit`
      rows.push(
        `${streams} stream${streams > 1 ? 's' : ''}, ${name}: ${spread(mbits(name))} Mbit/s${busy}`,
      )
    }
    const ratio = (a: readonly number[], b: readonly number[]) => median(a) / median(b)
    const ratios = {
      throughputToWireguardGo: ratio(mbits('meshgate'), mbits('wireguard-go')),
      throughputToNoTunnel: ratio(mbits('meshgate'), mbits('no tunnel')),
      cpuToWireguardGo: ratio(cpu('meshgate'), cpu('wireguard-go')),
    }
    facts[`${streams} streams`] = ratios
    const [a, b, c] = Object.values(ratios).map((value) => value.toFixed(2))
    rows.push(
      `  meshgate has ${a} x the throughput of wireguard-go at ${c} x its CPU, and ${b} x that of no tunnel`,
    )
  }
  return { rows, facts }
}
