// SPDX-License-Identifier: Apache-2.0
/** Places in which something that carries traffic goes away, apart from a direct path that is cut: bench-runs/failover.ts. */
import type { Lab, startLab } from '../../netns-lab/lab.ts'
import type { Member } from '../../netns-lab/member.ts'
import { clearBetween, leadRound, leadStraight, loseBetween } from '../../netns-lab/pair-weather.ts'

export interface Place {
  readonly lab: Lab
  readonly alice: Member
  readonly bob: Member
  readonly member: (name: string) => Member
}

type Undo = () => Promise<unknown>

export interface Happening {
  /** The kind of path that carries before, and again once it is undone. */
  readonly kind: 'direct' | 'relay' | 'turn'
  /** So long at least until it is undone. */
  readonly lastsMs: number
  /** What carries meanwhile, if that has to be waited for: that it moves is what is shown. */
  readonly meanwhile?: 'relay'
  readonly happens: (place: Place) => Promise<Undo>
}

export interface Scene {
  readonly description: Parameters<typeof startLab>[0]
  /** Hosts that are members: the first makes the network. */
  readonly members: readonly string[]
  /** TOML for a member. */
  readonly config?: (lab: Lab, name: string) => string
  readonly happenings: Readonly<Record<string, Happening>>
}

const homes = (kind: 'port-restricted' | 'symmetric') => ({
  'home-a': { kind, link: { name: 'wan-a' } },
  'home-b': { kind },
})
const pair = { alice: { behind: 'home-a' }, bob: { behind: 'home-b' } }

const direct: Scene = {
  description: {
    name: 'bench-direct-path',
    hosts: { hub: {}, other: {}, round: { link: { delayMs: 75 } }, ...pair },
    nats: homes('port-restricted'),
  },
  members: ['hub', 'other', 'alice', 'bob'],
  happenings: {
    'NAT rebooted': {
      kind: 'direct',
      lastsMs: 3_000,
      happens: async ({ lab }) => {
        await lab.set('home-a', { reboot: true })
        return () => Promise.resolve()
      },
    },
    'direct path loses 20 %': {
      kind: 'direct',
      meanwhile: 'relay',
      lastsMs: 1_000,
      happens: async ({ lab }) => {
        await loseBetween(lab, ['home-a', 'home-b'], 20)
        return () => clearBetween(lab)
      },
    },
    'direct path takes 150 ms more': {
      kind: 'direct',
      meanwhile: 'relay',
      lastsMs: 1_000,
      happens: async ({ lab }) => {
        await leadRound(lab, ['home-a', 'home-b'], 'round')
        return () => leadStraight(lab)
      },
    },
  },
}

const relayed: Scene = {
  description: {
    name: 'bench-relayed-path',
    hosts: { hub: {}, other: {}, third: {}, ...pair },
    nats: homes('symmetric'),
  },
  members: ['hub', 'other', 'third', 'alice', 'bob'],
  happenings: {
    'hub killed': {
      kind: 'relay',
      lastsMs: 3_000,
      happens: async ({ lab, alice }) => {
        const name = (await alice.peer('bob')).path.via ?? ''
        await lab.set(name, { down: true })
        return () => lab.set(name, { down: false })
      },
    },
    'hub drained': {
      kind: 'relay',
      lastsMs: 2_000,
      happens: async ({ alice, member }) => {
        const hub = member((await alice.peer('bob')).path.via ?? '')
        await hub.do(['drain', '--wait'])
        return () => hub.do(['undrain'])
      },
    },
  },
}

const turned: Scene = {
  description: {
    name: 'bench-turn-path',
    hosts: { hub: {}, one: {}, two: {}, ...pair },
    nats: homes('symmetric'),
    services: Object.fromEntries(
      ['one', 'two'].map((on) => [
        on,
        { kind: 'coturn', on, turn: { user: 'mesh', password: 'gate', realm: 'lab' } },
      ]),
    ),
  },
  members: ['hub', 'alice', 'bob'],
  config: (lab, name) => {
    if (name === 'hub') return 'relay = false\n'
    const server = (id: string) =>
      `[[turn]]\nid = "${id}"\nurl = "turn:${lab.host(id).address}"\nusername = "mesh"\npassword = "gate"\n`
    return name === 'alice' ? ['one', 'two'].map(server).join('') : ''
  },
  happenings: {
    'TURN server killed': {
      kind: 'turn',
      lastsMs: 4_000,
      happens: async ({ lab, alice }) => {
        const name = (await alice.peer('bob')).path.via ?? ''
        await lab.set(name, { running: false })
        return () => lab.set(name, { running: true })
      },
    },
  },
}

const uplinks: Scene = {
  description: {
    name: 'bench-uplinks',
    hosts: {
      hub: {},
      other: {},
      alice: { uplinks: [{ behind: 'home-a', link: { name: 'cable' } }, { behind: 'radio' }] },
      bob: { behind: 'home-b' },
    },
    nats: { ...homes('port-restricted'), radio: { kind: 'port-restricted' } },
  },
  members: ['hub', 'other', 'alice', 'bob'],
  happenings: {
    'uplink pulled': {
      kind: 'direct',
      lastsMs: 4_000,
      happens: async ({ lab, alice }) => {
        const route = (
          await alice.host.run(['ip', 'route', 'show', 'default', 'dev', 'eth0'])
        ).trim()
        await lab.set('cable', { unplugged: true })
        // As NetworkManager and systemd-networkd do when the carrier is gone.
        await alice.host.run(['ip', 'route', 'del', 'default', 'dev', 'eth0'])
        return async () => {
          await lab.set('cable', { unplugged: false })
          await alice.host.run(['sh', '-c', `ip route replace ${route} dev eth0`])
        }
      },
    },
  },
}

export const GAP_SCENES: readonly Scene[] = [direct, relayed, turned, uplinks]
