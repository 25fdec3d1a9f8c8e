// SPDX-License-Identifier: Apache-2.0
/**
 * NAT behaviour discovery (RFC 5780 sections 4.3 to 4.5) on sockets of its own, because the one port has spoken with many
 * and its filter says nothing any more. A server with two addresses, as it says by OTHER-ADDRESS, tells filtering
 * and mapping; any server helps to see whether two hosts behind the NAT reach each other at their outer addresses.
 *
 * ```
 * opening    each server, from a socket of its own:  where am I seen, and what is your other address?
 * filtering  the server answers from elsewhere, where nothing was sent to; two of our sockets call each other outside
 * mapping    its other addresses are asked: where am I seen? If they are silent themselves, their silence before says nothing
 * ```
 */
import type { TransportAddress } from './address.ts'
import {
  ableServer,
  type BehaviourQuestions,
  CALL,
  CALL_BACK,
  type DiscoveredBehaviour,
  FROM_OTHER,
  FROM_OTHER_PORT,
  judgeBehaviour,
  OPENING,
  OPENING_OTHER,
  TO_OTHER,
  TO_OTHER_IP,
  TO_OTHER_PORT,
} from './behaviour-verdict.ts'
import { earliest, type Instant, later } from './clock.ts'
import { DISCOVERY_SERVERS_MAX, LIFETIME_REPEAT_MS, LIFETIME_RETRY_MS } from './constants.ts'
import type { Entropy } from './entropy.ts'
import { type Asking, sideQuestion, sideQuestionMessages, takeSideAnswer } from './side-question.ts'
import type { SideMessage, SideSocket } from './side-socket.ts'
import type { StunCodec } from './stun-codec.ts'

type Phase = 'resting' | 'opening' | 'filtering' | 'mapping'

export interface BehaviourDiscovery {
  phase: Phase
  beginAt: Instant
  /** For a server that answers at all. */
  isWaiting: boolean
  /** Those of this phase, and what those before came to, by name. */
  readonly questions: BehaviourQuestions
  /** The last result, which stands until the next one. */
  found: DiscoveredBehaviour | undefined
}

export interface DiscoveryMoment {
  readonly now: Instant
  readonly entropy: Entropy
  readonly codec: StunCodec
  /** STUN servers that have answered, best first. */
  readonly servers: () => readonly TransportAddress[]
  /** Addresses of this host's links. */
  readonly localIps: () => ReadonlySet<string>
}

export function createBehaviourDiscovery(now: Instant): BehaviourDiscovery {
  return {
    phase: 'resting',
    beginAt: now,
    isWaiting: false,
    questions: new Map(),
    found: undefined,
  }
}

/** A person asks. What is under way is asked anew from other sockets, and the last result stands until then. */
export function discoverAgain(discovery: BehaviourDiscovery, now: Instant): void {
  discovery.phase = 'resting'
  discovery.beginAt = now
}

/** Another network: what was found says nothing here. */
export function restartDiscovery(discovery: BehaviourDiscovery, now: Instant): void {
  discoverAgain(discovery, now)
  discovery.found = undefined
}

export function isDiscovering(discovery: BehaviourDiscovery): boolean {
  return discovery.phase !== 'resting'
}

/** What to send now. Call it again at `discoveryDeadline`. */
export function discoveryMessages(
  discovery: BehaviourDiscovery,
  moment: DiscoveryMoment,
): SideMessage[] {
  const messages = begin(discovery, moment)
  while (discovery.phase !== 'resting') {
    for (const question of discovery.questions.values())
      messages.push(...sideQuestionMessages(question, moment.now, moment.codec))
    if ([...discovery.questions.values()].some(({ state }) => state === 'open')) break
    messages.push(...advance(discovery, moment))
  }
  return messages
}

/** Takes what arrived at one of the discovery's sockets. */
export function receiveDiscovery(
  { questions }: BehaviourDiscovery,
  socket: SideSocket,
  from: TransportAddress,
  payload: Uint8Array,
  codec: StunCodec,
): void {
  const message = codec.decode(payload)
  if (!message.ok) return
  for (const question of questions.values()) takeSideAnswer(question, socket, from, message.value)
  // A request of ours came back from outside, to the other socket.
  if (message.value.type !== 'other') return
  for (const name of [CALL, CALL_BACK]) {
    const call = questions.get(name)
    if (call?.transaction === message.value.transaction && call.socket !== socket)
      call.state = 'answered'
  }
}

export function discoveryDeadline(discovery: BehaviourDiscovery): Instant | undefined {
  if (discovery.phase === 'resting') return discovery.isWaiting ? undefined : discovery.beginAt
  const open = [...discovery.questions.values()].filter(({ state }) => state === 'open')
  return earliest(open.map(({ nextAt }) => nextAt))
}

/** The one whose filter is looked at, by the server's place; and one more behind the same NAT. */
const SOCKET = 'behaviour-'
const OTHER_SOCKET = 'behaviour-other'

function begin(discovery: BehaviourDiscovery, moment: DiscoveryMoment): SideMessage[] {
  if (discovery.phase !== 'resting' || discovery.beginAt > moment.now) return []
  const servers = moment.servers().slice(0, DISCOVERY_SERVERS_MAX)
  const [first] = servers
  discovery.isWaiting = first === undefined
  if (first === undefined) return []
  const closing = closed(discovery)
  discovery.phase = 'opening'
  discovery.questions.clear()
  const ask = asker(discovery, moment)
  servers.forEach((to, i) => ask(OPENING + i, { socket: SOCKET + i, to }))
  ask(OPENING_OTHER, { socket: OTHER_SOCKET, to: first })
  return closing
}

function advance(discovery: BehaviourDiscovery, moment: DiscoveryMoment): SideMessage[] {
  const ask = asker(discovery, moment)
  const able = ableServer(discovery.questions)
  switch (discovery.phase) {
    case 'opening': {
      discovery.phase = 'filtering'
      const [one, other] = [
        discovery.questions.get(`${OPENING}0`),
        discovery.questions.get(OPENING_OTHER),
      ]
      if (one?.mapped !== undefined && other?.mapped !== undefined) {
        ask(CALL, { socket: one.socket, to: other.mapped })
        ask(CALL_BACK, { socket: other.socket, to: one.mapped })
      }
      if (able === undefined) return []
      const { socket, server, other: elsewhere, otherPort } = able
      const everything = { changeAddress: true, changePort: true }
      ask(FROM_OTHER, { socket, to: server, options: everything, answerer: elsewhere })
      ask(FROM_OTHER_PORT, {
        socket,
        to: server,
        options: { changePort: true },
        answerer: otherPort,
      })
      return []
    }
    case 'filtering':
      discovery.phase = 'mapping'
      if (able === undefined) return []
      ask(TO_OTHER, { socket: able.socket, to: able.other })
      ask(TO_OTHER_IP, { socket: able.socket, to: able.otherIp })
      ask(TO_OTHER_PORT, { socket: able.socket, to: able.otherPort })
      return []
    case 'mapping':
    case 'resting':
      discovery.found = judgeBehaviour(discovery.questions, moment.localIps())
      discovery.phase = 'resting'
      discovery.beginAt = later(
        moment.now,
        isAnswered(discovery) ? LIFETIME_REPEAT_MS : LIFETIME_RETRY_MS,
      )
      return closed(discovery)
  }
}

/** A server that cannot do more today will not be able to in a minute. */
function isAnswered({ questions }: BehaviourDiscovery): boolean {
  return [...questions.values()].some(({ state }) => state === 'answered')
}

function asker({ questions }: BehaviourDiscovery, moment: DiscoveryMoment) {
  return (name: string, asking: Asking) => void questions.set(name, sideQuestion(asking, moment))
}

/** Closes the sockets: the next discovery needs ports that have spoken with nobody. */
function closed({ questions }: BehaviourDiscovery): SideMessage[] {
  const sockets = new Set([...questions.values()].map(({ socket }) => socket))
  return [...sockets].map((socket) => ({ kind: 'close', socket }))
}
