// SPDX-License-Identifier: Apache-2.0
/** One node alone with a test that plays its helper, its gossip and its clock. */
import type { Effect } from '../../../agent/core/effect.ts'
import type { Event } from '../../../agent/core/event.ts'
import type { NodeConfig } from '../../../agent/core/config.ts'
import type { HelperEvent, HelperLink, HelperState } from '../../../agent/core/helper-contract.ts'
import { nextDeadline, step } from '../../../agent/core/node.ts'
import { createNode } from '../../../agent/core/state.ts'
import { UNKNOWN_NAT } from '../../../nat/behaviour.ts'
import { instant, type Now, wallTime } from '../../../nat/clock.ts'
import type { TransportAddress } from '../../../nat/address.ts'
import type { NodeRecord, RecordEnvelope } from '../../../topology/record.ts'
import { signRecord, verifyRecord } from '../../../topology/record-codec.ts'
import { type Member, Membership, WALL_START_MS } from '../../sim/membership.ts'
import { SeededRandom } from '../../sim/seeded-random.ts'
import { bindingSuccess, simulatedStun } from '../../sim/simulated-stun.ts'

export const PORT = 41_820

export function oneNode(config: Partial<NodeConfig> = {}) {
  const membership = new Membership(1, 'hashing')
  const { network, crypto } = membership
  const self = membership.admit('self')
  const { entropy } = new SeededRandom(1, 'node')
  let nowMs = 0
  const now = (): Now => ({ instant: instant(nowMs), wall: wallTime(WALL_START_MS + nowMs) })
  const node = createNode(
    {
      network,
      certificate: self.certificate,
      certificateBytes: self.certificateBytes,
      keys: self.keys,
      interfaceName: 'meshgate0',
      mtu: 1280,
      listenPort: PORT,
      dialPort: 41_821,
      advertise: [],
      stunServers: [],
      turn: [],
      stunServer: 'auto',
      relay: true,
      redundancy: {},
      birthdaySearch: true,
      portMapping: false,
      names: true,
      isExcludedInterface: (name) => name === 'docker0',
      lastOwnVersion: 0,
      ...config,
    },
    { entropy, crypto, signer: self.signer, stun: simulatedStun },
    instant(0),
  )
  const take = (event: Event) => step(node, event, now())
  const helperEvent = (event: HelperEvent) => take({ kind: 'helper-event', event })
  /** Ticks by the node's own deadlines, as the shell's loop does. */
  const run = (durationMs: number): Effect[] => {
    const untilMs = nowMs + durationMs
    const effects: Effect[] = []
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error('a deadline that never passes')
      const deadline = nextDeadline(node)
      if (deadline === undefined || deadline > untilMs) break
      nowMs = Math.max(nowMs + 1, deadline)
      effects.push(...take({ kind: 'tick' }))
    }
    nowMs = untilMs
    return effects
  }
  /** Time passes unseen, as while a laptop sleeps. */
  const sleep = (durationMs: number) => {
    nowMs += durationMs
  }
  /** A member's own record, signed by it, `nowMs` as its version. */
  const recordOf = (member: Member, content: Partial<NodeRecord> = {}): RecordEnvelope => {
    const { wall } = now()
    const roles = {
      dialAddresses: [],
      dialPort: PORT,
      stunServers: [],
      relay: false,
      birthdaySearch: true,
      draining: false,
      hubs: [],
    }
    const nothing = { candidates: [], nat: UNKNOWN_NAT, ...roles }
    const statement = { version: wall, issuedAt: wall, present: true, ...nothing, ...content }
    return signRecord(statement, member.certificateBytes, member.signer)
  }
  const hear = (envelope: RecordEnvelope, heard = true) => {
    const record = verifyRecord(envelope.bytes, network, crypto, now().wall)
    if (!record.ok) throw new Error(record.error)
    return take({ kind: 'record', record: record.value, envelope, heard })
  }
  return {
    node,
    self,
    membership,
    now,
    take,
    run,
    sleep,
    recordOf,
    hear,
    helperEvent,
    connect: (
      links: readonly HelperLink[],
      peers: HelperState['peers'] = [],
      turn: HelperState['turn'] = [],
      device: HelperState['device'] = null,
    ) => {
      const state = { ...STATE, links, peers, turn, device }
      return take({ kind: 'helper-connected', hello: HELLO, state })
    },
    /** Answers a STUN request among `effects`. */
    answerStun: (
      effects: readonly Effect[],
      server: TransportAddress,
      mapped: TransportAddress,
    ) => {
      const asked = effects.find((e) => e.kind === 'send-datagram' && e.to === server)
      if (asked?.kind !== 'send-datagram') throw new Error(`${server} was not asked`)
      return helperEvent({
        method: 'datagram',
        from: server,
        payload: bindingSuccess(asked.payload, mapped)!,
      })
    },
  }
}

const HELLO = {
  protocol: 1,
  helper: 'test',
  engine: 'userspace',
  engineReason: 'a test',
  instance: 'x',
  features: ['late-answers', 'search-transaction'],
} as const
const STATE: HelperState = {
  instance: 'x',
  engine: 'userspace',
  generation: 0,
  restored: false,
  takeover: null,
  device: null,
  routes: [],
  turn: [],
  relayed: { frames: 0, bytes: 0, dropped: 0, refused: 0 },
  links: [],
  peers: [],
  names: null,
}

export function link(name: string, ...addresses: string[]): HelperLink {
  return { name, index: 2, up: true, mtu: 1500, addresses }
}

export function ofKind<K extends Effect['kind']>(effects: readonly Effect[], kind: K) {
  return effects.filter((effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind)
}
