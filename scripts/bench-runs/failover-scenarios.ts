// SPDX-License-Identifier: Apache-2.0
/** What may happen to a pair of hosts whose direct path carries traffic. Pairs are alike and live through it one by one. */
import type { Lab } from '../../netns-lab/lab.ts'
import type { MeshgatePair } from './failover-pairs.ts'

export interface Scenario {
  readonly title: string
  /** For one of the two hosts' configuration. */
  readonly config?: string
  /** Of a kind whose next cut has to wait for ever longer: so many, and then the programs are started anew. */
  readonly inARow?: number
  /** Whether the hosts need two uplinks. */
  readonly spares?: boolean
  /** For how long it stays so. */
  readonly lastsMs: number
  happen(lab: Lab, pair: MeshgatePair): Promise<unknown>
  mend(lab: Lab, pair: MeshgatePair): Promise<unknown>
}

const CUT_MS = 2_000

/** What is cut in a lab is told as a whole. */
const cuts = new Map<string, readonly [string, string]>()

export async function cut(lab: Lab, { homes, name }: Pick<MeshgatePair, 'homes' | 'name'>) {
  cuts.set(name, homes)
  await lab.set('internet', { cuts: [...cuts.values()] })
}

export async function heal(lab: Lab, { name }: Pick<MeshgatePair, 'name'>) {
  cuts.delete(name)
  await lab.set('internet', { cuts: [...cuts.values()] })
}

const bothWays = { lastsMs: CUT_MS, happen: cut, mend: heal }

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'both-ways': { title: 'direct path cut both ways', ...bothWays },
  'one-way': {
    title: 'direct path cut one way',
    lastsMs: CUT_MS,
    happen: (lab, { homes, name }) => {
      const [from, to] = homes.map((home) => lab.host(home).address)
      const chain = `add chain ip ${name} forward { type filter hook forward priority -10; }`
      const drop = `add rule ip ${name} forward ip saddr ${from} ip daddr ${to} drop`
      return lab.host('internet').run(['nft', `add table ip ${name}; ${chain}; ${drop}`])
    },
    mend: (lab, { name }) => lab.host('internet').run(['nft', `delete table ip ${name}`]),
  },
  'in-session': {
    title: 'WireGuard dropped, probes passed',
    // A path that carried nothing is held for 10 s, then 20.
    inARow: 3,
    lastsMs: CUT_MS,
    happen: (lab, { link }) => lab.set(link, { dropWireguard: true }),
    mend: (lab, { link }) => lab.set(link, { dropWireguard: false }),
  },
  'uplink-pulled': {
    title: 'the uplink that carries, of two, pulled',
    spares: true,
    lastsMs: CUT_MS,
    // The kernel's default route stays, as it does until a network manager looks.
    happen: async (lab, { alice, bob, cable, radio }) => {
      const { lastSwitch } = await alice.peer(bob.name)
      // A path by the second one names the address that it leaves from.
      const isSecond = lastSwitch?.to?.includes('%') === true
      await lab.set(isSecond ? radio : cable, { unplugged: true })
    },
    mend: (lab, { cable, radio }) =>
      Promise.all([cable, radio].map((link) => lab.set(link, { unplugged: false }))),
  },
  redundant: {
    title: 'direct path cut both ways, `redundancy = "duplicate"`',
    config: 'redundancy = "duplicate"\n',
    ...bothWays,
  },
  'agent-restart': {
    title: 'agent killed (kill -9) and started again',
    lastsMs: CUT_MS,
    happen: async (_, { alice }) => {
      alice.process.kill('SIGKILL')
      await alice.process.exit
    },
    mend: (_, { alice }) => alice.run(),
  },
  'helper-killed': {
    title: 'helper killed (kill -9)',
    lastsMs: CUT_MS,
    happen: (_, { alice }) => {
      const supervisor = '$(pgrep --ns $$ --nslist net -o -x meshgate-helper)'
      return alice.host.run(['sh', '-c', `pkill -KILL -P ${supervisor}`])
    },
    mend: async () => undefined,
  },
}
