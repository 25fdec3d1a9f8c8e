// SPDX-License-Identifier: Apache-2.0
/** What may happen to pairs of hosts whose traffic flows, and where: pairs are alike. */
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { type Mesh, type MeshgatePair, otherOf, type Pair, type Setting } from './failover-pairs.ts'

export interface Scenario {
  readonly title: string
  /** For both hosts' configuration. */
  readonly config?: string
  /** Whether the hosts' programs are started anew after each time, because what was found faulty is held for ever longer. */
  readonly anew?: boolean
  /** Whether it happens to all pairs at once, and not to each by itself. */
  readonly together?: boolean
  /** How long all has been in order before it happens; by default so long that no path is held because it comes and goes. */
  readonly restMs?: number
  /** For how long it stays so. */
  readonly lastsMs: number
  happen(mesh: Mesh, pair: MeshgatePair): Promise<Undo>
}

/** Puts things right again. Where not all pairs are concerned it says which. */
type Undo = (() => Promise<unknown>) & { readonly concerns?: readonly MeshgatePair[] }

export interface Scene extends Setting {
  readonly scenarios: Readonly<Record<string, Scenario>>
}

const CUT_MS = 2_000
const nothing = async () => undefined

/** Drops what goes between a pair's NATs, both ways or only to the second one; resolves to what ends it. */
export async function cut(lab: Lab, { homes, name }: Pair, ways: 'both' | 'one' = 'both') {
  const [from, to] = homes.map((home) => lab.host(home).address)
  const drop = (source = '', destination = '') =>
    `add rule ip ${name} forward ip saddr ${source} ip daddr ${destination} drop`
  const chain = `add chain ip ${name} forward { type filter hook forward priority -10; }`
  const rules = ways === 'both' ? [drop(from, to), drop(to, from)] : [drop(from, to)]
  const internet = lab.host('internet')
  await internet.run(['nft', [`add table ip ${name}`, chain, ...rules].join('; ')])
  return () => internet.run(['nft', `delete table ip ${name}`])
}

const bothWays = {
  title: 'direct path cut both ways',
  lastsMs: CUT_MS,
  happen: ({ lab }: Mesh, pair: MeshgatePair) => cut(lab, pair),
}

const direct: Scene = {
  pairCount: 6,
  carries: 'direct',
  scenarios: {
    'both-ways': bothWays,
    'one-way': {
      title: 'direct path cut one way',
      lastsMs: CUT_MS,
      happen: ({ lab }, pair) => cut(lab, pair, 'one'),
    },
    'in-session': {
      title: 'WireGuard dropped, probes passed',
      anew: true,
      restMs: 4_000,
      lastsMs: CUT_MS,
      happen: async ({ lab }, { link }) => {
        await lab.set(link, { dropWireguard: true })
        return () => lab.set(link, { dropWireguard: false })
      },
    },
    'agent-restart': {
      title: 'agent killed (kill -9) and started again',
      restMs: 2_000,
      lastsMs: 1_000,
      happen: async (_, { alice }) => {
        alice.process.kill('SIGKILL')
        await alice.process.exit
        await sleep(1_000)
        await alice.runQuietly()
        return nothing
      },
    },
    'agent-upgraded': {
      title: 'agent stopped, and another version started',
      restMs: 2_000,
      lastsMs: 1_000,
      happen: async (_, { alice }) => {
        const before = await alice.do(['--version'])
        await alice.do(['agent', 'stop'])
        await alice.process.exit
        await changeVersion(alice)
        await alice.runQuietly()
        if ((await alice.do(['--version'])) === before) throw new Error('it is the same version')
        return nothing
      },
    },
    redundant: {
      ...bothWays,
      title: 'direct path cut both ways, `redundancy = "duplicate"`',
      config: 'redundancy = "duplicate"\n',
    },
  },
}

/** What concerns all that other members have with a host, and so keeps two cores busy where there are many. */
const few: Scene = {
  pairCount: 4,
  carries: 'direct',
  scenarios: {
    'nat-rebooted': {
      title: "one host's NAT reboots: its mappings are gone, and new ones get other ports",
      lastsMs: 3_000,
      happen: async ({ lab }, { homes }) => {
        await lab.set(homes[0], { reboot: true })
        return nothing
      },
    },
    'helper-killed': {
      // By the end of the rest it has run for so long that it is started again at once.
      title: 'helper killed (kill -9)',
      lastsMs: CUT_MS,
      happen: async (_, { alice }) => {
        const supervisor = '$(pgrep --ns $$ --nslist net -o -x meshgate-helper)'
        await alice.host.run(['sh', '-c', `pkill -KILL -P ${supervisor}`])
        return nothing
      },
    },
  },
}

const uplinks: Scene = {
  pairCount: 6,
  carries: 'direct',
  spares: true,
  scenarios: {
    'uplink-pulled': {
      title: 'the uplink that carries, of two, pulled',
      lastsMs: CUT_MS,
      // The kernel's default route stays, as it does until a network manager looks.
      happen: async ({ lab }, { alice, bob, cable, radio }) => {
        const { lastSwitch } = await alice.peer(bob.name)
        // A path by the second one names the address that it leaves from.
        const link = lastSwitch?.to?.includes('%') === true ? radio : cable
        await lab.set(link, { unplugged: true })
        return () => lab.set(link, { unplugged: false })
      },
    },
  },
}

const relayed: Scene = {
  pairCount: 5,
  carries: 'relay',
  nat: 'symmetric',
  scenarios: {
    'hub-killed': {
      title: 'the hub that carries dies',
      together: true,
      lastsMs: 3_000,
      happen: async (mesh) => {
        const { name, concerns } = await mostUsed(mesh)
        // All of it at once and without a word, as if its power were gone.
        await mesh.lab.set(name, { down: true })
        return Object.assign(() => mesh.lab.set(name, { down: false }), { concerns })
      },
    },
    'hub-drained': {
      title: 'the hub that carries is drained (`meshgate drain`)',
      together: true,
      restMs: 3_000,
      lastsMs: 1_000,
      happen: async (mesh) => {
        const { name, concerns } = await mostUsed(mesh)
        const hub = mesh.hubs.find((one) => one.name === name)
        await hub?.do(['drain', '--wait'])
        return Object.assign(async () => hub?.do(['undrain']), { concerns })
      },
    },
  },
}

const turned: Scene = {
  pairCount: 5,
  carries: 'turn',
  nat: 'symmetric',
  scenarios: {
    'turn-killed': {
      title: 'the TURN server that carries is killed (kill -9)',
      together: true,
      lastsMs: 3_000,
      happen: async (mesh) => {
        const { name, concerns } = await mostUsed(mesh)
        await mesh.lab.set(name, { running: false })
        return Object.assign(() => mesh.lab.set(name, { running: true }), { concerns })
      },
    },
  },
}

export const SCENES: readonly Scene[] = [direct, uplinks, few, relayed, turned]

/** The hub or TURN server that most pairs' traffic goes over, in either direction, and those pairs. */
async function mostUsed({ pairs }: Mesh) {
  const users = new Map<string, Set<MeshgatePair>>()
  for (const pair of pairs) {
    const { alice, bob } = pair
    const ends = await Promise.all([otherOf(alice, bob), otherOf(bob, alice)])
    for (const via of ends.flatMap(({ path }) => path.via?.split(', ') ?? []))
      users.set(via, (users.get(via) ?? new Set()).add(pair))
  }
  // To the one without a server of its own it is its peer's, whose name for it is here, too.
  const named = [...users].filter(([name]) => !name.endsWith('server'))
  const [most] = named.toSorted(([, a], [, b]) => b.size - a.size)
  if (most === undefined) throw new Error('nothing carries traffic of any pair')
  return { name: most[0], concerns: [...most[1]] }
}

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))

/** From here on this host finds another build where its agent's program was, and the next time the first one again. */
async function changeVersion({ host }: Member): Promise<void> {
  const copy = `${host.stateDir}/other-dist`
  const rename = `sed -i 's/VERSION="[^"]*/&-other/' ${copy}/*.mjs`
  const make = `[ -d ${copy} ] || { cp -r ${DIST} ${copy} && ${rename}; }`
  const change = `if mountpoint -q ${DIST}; then umount -l ${DIST}; else mount --bind ${copy} ${DIST}; fi`
  await host.run(['sh', '-c', `${make} && ${change}`])
}
