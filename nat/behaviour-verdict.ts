// SPDX-License-Identifier: Apache-2.0
/** What the answers of a behaviour discovery come to (RFC 5780 sections 4.3 and 4.4). Pure. */
import { addressParts, type TransportAddress, transportAddress } from './address.ts'
import { classifyMapping, type FilteringBehaviour, type MappingBehaviour } from './behaviour.ts'
import { DISCOVERY_SERVERS_MAX } from './constants.ts'
import type { SideQuestion } from './side-question.ts'
import type { SideSocket } from './side-socket.ts'

export interface DiscoveredBehaviour {
  readonly filtering: FilteringBehaviour
  readonly mapping: MappingBehaviour
  /** Whether the NAT turns packets to its own outside back; null where there is no NAT, or no way to tell. */
  readonly hairpin: boolean | null
  /** One sentence with the addresses that were asked. */
  readonly evidence: string
}

/** By these names; those to the servers themselves by `OPENING` and the server's place. */
export type BehaviourQuestions = Map<string, SideQuestion>

export const OPENING = 'opening-'
export const OPENING_OTHER = 'opening-other'
export const CALL = 'call'
export const CALL_BACK = 'call-back'
/** From the server's other address and port; from its other port. */
export const FROM_OTHER = 'from-other'
export const FROM_OTHER_PORT = 'from-other-port'
export const TO_OTHER = 'to-other'
export const TO_OTHER_IP = 'to-other-ip'
export const TO_OTHER_PORT = 'to-other-port'

interface AbleServer {
  readonly socket: SideSocket
  readonly server: TransportAddress
  readonly mapped: TransportAddress
  readonly other: TransportAddress
  readonly otherIp: TransportAddress
  readonly otherPort: TransportAddress
}

/** The first server that has answered and says that it has another address. */
export function ableServer(questions: BehaviourQuestions): AbleServer | undefined {
  for (let i = 0; i < DISCOVERY_SERVERS_MAX; i++) {
    const { to: server, socket, mapped, otherAddress: other } = questions.get(OPENING + i) ?? {}
    if (server === undefined || socket === undefined) return undefined
    if (mapped === undefined || other === undefined) continue
    const [here, there] = [addressParts(server), addressParts(other)]
    const otherIp = transportAddress(there.ip, here.port)
    const otherPort = transportAddress(here.ip, there.port)
    if (here.ip === there.ip || here.port === there.port || here.family !== there.family) continue
    if (otherIp.ok && otherPort.ok)
      return { socket, server, mapped, other, otherIp: otherIp.value, otherPort: otherPort.value }
  }
  return undefined
}

/** `localIps` are the addresses of this host's links. */
export function judgeBehaviour(
  questions: BehaviourQuestions,
  localIps: ReadonlySet<string>,
): DiscoveredBehaviour {
  const answered = (name: string) => questions.get(name)?.state === 'answered'
  const mapped = questions.get(`${OPENING}0`)?.mapped
  const isOutside = mapped !== undefined && !localIps.has(addressParts(mapped).ip)
  const hairpin = isOutside && questions.has(CALL) ? answered(CALL) || answered(CALL_BACK) : null
  const able = ableServer(questions)
  if (able === undefined) return { ...UNKNOWN, hairpin, evidence: whyNone(questions) }
  const { server, other, otherPort } = able
  const said = (filtering: FilteringBehaviour, evidence: string) => ({ filtering, evidence })
  const judge = () => {
    if (answered(FROM_OTHER))
      return said('endpoint-independent', `${server} was asked, and ${other} got in`)
    if (!answered(TO_OTHER))
      return said('unknown', `${other}, which ${server} names, does not answer at all`)
    if (answered(FROM_OTHER_PORT))
      return said('address-dependent', `${server} was asked; ${otherPort} got in, ${other} did not`)
    if (!answered(TO_OTHER_PORT))
      return said('unknown', `${otherPort}, which ${server} names, does not answer at all`)
    return said(
      'address-and-port-dependent',
      `${server} was asked, and neither ${otherPort} nor ${other} got in`,
    )
  }
  return { ...judge(), mapping: mappingOf(questions, able), hairpin }
}

const UNKNOWN = { filtering: 'unknown', mapping: 'unknown' } as const

function whyNone(questions: BehaviourQuestions): string {
  const asked = [...questions].flatMap(([name, question]) =>
    name.startsWith(OPENING) && name !== OPENING_OTHER ? [question] : [],
  )
  const servers = asked.map(({ to }) => to).join(', ')
  return asked.every(({ state }) => state === 'silent')
    ? `no answer from ${servers}`
    : `no second address to answer from (RFC 5780) at ${servers}`
}

/** Told only if all four addresses have answered; whether there is a NAT at all, others tell. */
function mappingOf(
  questions: BehaviourQuestions,
  { server, mapped }: AbleServer,
): MappingBehaviour {
  const observations = [{ observer: server, mapped }]
  for (const name of [TO_OTHER, TO_OTHER_IP, TO_OTHER_PORT]) {
    const { to, mapped: seen } = questions.get(name) ?? {}
    if (to === undefined || seen === undefined) return 'unknown'
    observations.push({ observer: to, mapped: seen })
  }
  return classifyMapping({ local: [], observations, silentServers: 0 }).mapping
}
