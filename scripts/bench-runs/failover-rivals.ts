// SPDX-License-Identifier: Apache-2.0
/** Debian's nebula and tinc on the same pairs, as their manuals set them up: a public host introduces and relays. */
import { mkdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../../netns-lab/lab.ts'
import type { HostProcess } from '../../netns-lab/host-process.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { Traffic } from '../../netns-lab/traffic.ts'
import type { Outcome } from './failover-outcome.ts'
import { PAIRS, startPairs } from './failover-pairs.ts'
import { cut, heal } from './failover-scenarios.ts'

export const RIVALS = ['nebula', 'tinc'] as const
type Rival = (typeof RIVALS)[number]

/** Longer than either takes to notice. */
const CUT_MS = 60_000
const REST_MS = 15_000

export async function rivalOutcome(rival: Rival): Promise<Outcome> {
  const lab = await startPairs(`bench-${rival}`)
  try {
    const names = ['hub', ...PAIRS.flatMap((_, i) => [`alice${i}`, `bob${i}`])]
    const hosts = names.map((name, i) => ({ host: lab.host(name), address: `10.99.0.${i + 1}` }))
    const arm = await { nebula: runNebula, tinc: runTinc }[rival](hosts)
    const parts = await Promise.all(
      PAIRS.map(async (pair, i) => {
        const [alice, bob] = [hosts[2 * i + 1]!, hosts[2 * i + 2]!]
        const { address } = bob
        // tinc's nodes pass on where they see others by UDP, which those have to have spoken to them by.
        for (const { host } of [alice, bob])
          await host.exec(['ping', '-c', '5', '-W', '1', hosts[0]!.address])
        await alice.host.waitFor(
          async () => (await alice.host.exec(['ping', '-c1', '-W1', address])).code === 0,
          { deadlineMs: 60_000, what: `${rival} answers` },
        )
        const traffic = Traffic.start(alice.host, bob.host, { address })
        await sleep(REST_MS)
        await arm(alice.host, bob.host)
        await sleep(REST_MS)
        const relayed = await crossesHub(lab, alice.host)
        const from = Date.now()
        await cut(lab, pair)
        await sleep(CUT_MS)
        const to = Date.now()
        const report = await traffic.stop()
        await heal(lab, pair)
        // A path that was never left has no answer after the gap.
        const answered = report.tally.answeredAt.findLast((at) => at !== null) ?? from
        const gapMs = answered < to - 1_000 ? CUT_MS : report.longestGapMs(from, to)
        return { relayed, gapMs, sent: report.sent, lost: report.lost }
      }),
    )
    const direct = parts.filter(({ relayed }) => !relayed)
    return {
      what: rival,
      title: `direct path cut both ways, 60 s (${direct.length} of ${parts.length} pairs had been direct)`,
      gapsMs: direct.map(({ gapMs }) => gapMs),
      sent: parts.reduce((sum, { sent }) => sum + sent, 0),
      lost: parts.reduce((sum, { lost }) => sum + lost, 0),
    }
  } finally {
    await lab.stop()
  }
}

/** Whether a host's traffic leaves for the hub. */
async function crossesHub(lab: Lab, host: LabHost): Promise<boolean> {
  const capture = await host.capture('eth0', `host ${lab.host('hub').address} and greater 200`)
  await sleep(2_000)
  return (await capture.stop()).packets.length > 50
}

interface Node {
  readonly host: LabHost
  /** In the tunnel. The first node is the hub. */
  readonly address: string
}

/** Gives two nodes whatever they need for a way over the hub. */
type Arm = (...hosts: readonly LabHost[]) => Promise<void>

async function runNebula(nodes: readonly Node[]): Promise<Arm> {
  const [hub] = nodes
  const { address: hubAddress, stateDir } = hub!.host
  const authority = ['-ca-crt', `${stateDir}/ca.crt`, '-ca-key', `${stateDir}/ca.key`]
  const caFiles = ['-out-crt', `${stateDir}/ca.crt`, '-out-key', `${stateDir}/ca.key`]
  await hub!.host.run(['nebula-cert', 'ca', '-name', 'lab', ...caFiles])
  const ca = await hub!.host.run(['cat', `${stateDir}/ca.crt`])
  const rearmed = new Map<LabHost, () => Promise<void>>()
  for (const { host, address } of nodes) {
    const files = [`${stateDir}/${host.name}.crt`, `${stateDir}/${host.name}.key`] as const
    const words = ['-name', host.name, '-ip', `${address}/16`, '-out-crt', files[0]]
    await hub!.host.run(['nebula-cert', 'sign', ...authority, ...words, '-out-key', files[1]])
    const [certificate, key] = await Promise.all(files.map((file) => hub!.host.run(['cat', file])))
    const isHub = host === hub!.host
    const config = (relays: readonly string[]) => ({
      pki: { ca, cert: certificate, key },
      static_host_map: isHub ? {} : { [hub!.address]: [`${hubAddress}:4242`] },
      lighthouse: { am_lighthouse: isHub, hosts: isHub ? [] : [hub!.address] },
      listen: { host: '0.0.0.0', port: isHub ? 4242 : 0 },
      punchy: { punch: true, respond: true },
      relay: { am_relay: isHub, use_relays: true, relays },
      tun: { dev: 'rival0' },
      firewall: {
        outbound: [{ port: 'any', proto: 'any', host: 'any' }],
        inbound: [{ port: 'any', proto: 'any', host: 'any' }],
      },
    })
    const write = (relays: readonly string[]) =>
      // JSON is YAML.
      writeFile(`${host.stateDir}/nebula.yml`, JSON.stringify(config(relays)))
    await write([])
    rearmed.set(host, () => write([hub!.address]))
  }
  const running = new Map<LabHost, HostProcess>()
  for (const { host } of nodes) {
    const words = ['nebula', '-config', `${host.stateDir}/nebula.yml`]
    running.set(host, host.spawn(words, { log: 'nebula.log' }))
  }
  // One that knows a relay from the start takes that before a hole is punched, and keeps it: no direct path is there to be cut.
  return async (...hosts) => {
    for (const host of hosts) {
      await rearmed.get(host)?.()
      running.get(host)?.kill('SIGHUP')
    }
  }
}

async function runTinc(nodes: readonly Node[]): Promise<Arm> {
  const [hub] = nodes
  const described: { readonly name: string; readonly text: string }[] = []
  for (const { host, address } of nodes) {
    const directory = `${host.stateDir}/tinc`
    await mkdir(`${directory}/hosts`, { recursive: true })
    const isHub = host === hub!.host
    const connect = isHub ? '' : 'ConnectTo = hub\n'
    await writeFile(`${directory}/tinc.conf`, `Name = ${host.name}\nInterface = rival0\n${connect}`)
    const up = `#!/bin/sh\nip link set rival0 up\nip addr add ${address}/16 dev rival0\n`
    await writeFile(`${directory}/tinc-up`, up, { mode: 0o755 })
    await writeFile(
      `${directory}/hosts/${host.name}`,
      `${isHub ? `Address = ${host.address}\n` : ''}Subnet = ${address}/32\n`,
    )
    await host.run(['tincd', '-c', directory, '-K', '2048'], { input: '\n\n' })
    const text = await host.run(['cat', `${directory}/hosts/${host.name}`])
    described.push({ name: host.name, text })
  }
  for (const { host } of nodes) {
    const directory = `${host.stateDir}/tinc`
    for (const { name, text } of described) await writeFile(`${directory}/hosts/${name}`, text)
    const words = ['-c', directory, '-D', `--pidfile=${host.stateDir}/tinc.pid`]
    host.spawn(['tincd', ...words], { log: 'tinc.log' })
  }
  // Every node that is connected to two others passes packets on.
  return async () => undefined
}
