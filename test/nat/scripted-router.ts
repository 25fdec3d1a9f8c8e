// SPDX-License-Identifier: Apache-2.0
/** A router as a test wants it: what it speaks, what it grants, when it forgets. Time is the test's. */
import type { Gateway, GatewayRequest } from '../../nat/gateway-request.ts'
import { instant } from '../../nat/clock.ts'
import type { Transport } from '../../nat/port-lease.ts'
import {
  gatewayPortClosed,
  receiveFromGateway,
  takeUpnpResult,
} from '../../nat/port-mapping-answers.ts'
import {
  createPortMapping,
  portMappingDeadline,
  portMappingRequests,
  refreshPortMapping,
  releasePortMapping,
  useGateway,
} from '../../nat/port-mapping.ts'
import { mappedPorts, whyNotMapped } from '../../nat/port-mapping-report.ts'
import type { UpnpResult } from '../../nat/upnp-request.ts'
import { SeededRandom } from '../sim/seeded-random.ts'

export interface PcpAnswer {
  readonly epochS: number
  readonly lifetimeS: number
  readonly port: number
  readonly ip: string
  readonly result?: number
}

/** The answer to a MAP request, nonce and internal port as they were asked. */
export function pcpResponse(request: Uint8Array, answer: PcpAnswer): Uint8Array {
  const bytes = request.slice()
  const view = new DataView(bytes.buffer)
  bytes[1]! |= 0x80
  bytes[3] = answer.result ?? 0
  view.setUint32(4, answer.lifetimeS)
  view.setUint32(8, answer.epochS)
  bytes.fill(0, 12, 24)
  view.setUint16(42, answer.port)
  bytes.set([0xff, 0xff, ...answer.ip.split('.').map(Number)], 54)
  return bytes
}

/** RFC 6886: `[op, result, seconds, ...]`. */
export function natPmpResponse(
  request: Uint8Array,
  { epochS, lifetimeS, port, ip, result = 0 }: PcpAnswer,
): Uint8Array {
  const opcode = request[1]!
  const bytes = new Uint8Array(result !== 0 ? 8 : opcode === 0 ? 12 : 16)
  const view = new DataView(bytes.buffer)
  bytes[1] = 128 + opcode
  view.setUint16(2, result)
  view.setUint32(4, epochS)
  if (result !== 0) return bytes
  if (opcode === 0) bytes.set(ip.split('.').map(Number), 8)
  else {
    view.setUint16(8, new DataView(request.buffer).getUint16(4))
    view.setUint16(10, port)
    view.setUint32(12, lifetimeS)
  }
  return bytes
}

export interface Script {
  speaks?: readonly ('pcp' | 'nat-pmp' | 'upnp')[]
  ip?: string
  lifetimeS?: number
  /** What PCP and NAT-PMP say instead of granting. */
  result?: number
  /** The error that UPnP says instead of granting. */
  upnpError?: number
  refusesTcp?: boolean
  /** When its clock began. */
  bootMs?: number
  silent?: boolean
  closed?: boolean
}

export const GATEWAY: Gateway = { address: '192.168.1.1', local: '192.168.1.10' }
export const NONCES = { udp: new Uint8Array(12).fill(1), tcp: new Uint8Array(12).fill(2) }

export interface Asked {
  readonly at: number
  readonly what: string
}

/** The state machine with its clock, and a router that answers at once. `script` may be changed at any time. */
export function withRouter(initial: Script) {
  const mapping = createPortMapping({ udp: 41_820, tcp: 41_821 })
  const { entropy } = new SeededRandom(1, 'router')
  const script: Script = { ...initial }
  const asked: Asked[] = []
  const requests: Uint8Array[] = []
  let now = 0
  const moment = () => ({ now: instant(now), entropy })
  const receive = (payload: Uint8Array, from = GATEWAY.address) =>
    receiveFromGateway(mapping, from, payload, moment())
  const takeUpnp = (result: UpnpResult) => takeUpnpResult(mapping, result, moment())
  const answerOf = (transport: Transport) => ({
    epochS: Math.floor((now - (script.bootMs ?? -1_000_000)) / 1_000),
    lifetimeS: script.lifetimeS ?? 7_200,
    port: transport === 'udp' ? 50_000 : 50_001,
    ip: script.ip ?? '203.0.113.7',
    result: script.refusesTcp === true && transport === 'tcp' ? 2 : (script.result ?? 0),
  })
  const speaks = (protocol: 'pcp' | 'nat-pmp' | 'upnp') =>
    script.silent !== true && (script.speaks ?? []).includes(protocol)
  const hearDatagram = (payload: Uint8Array) => {
    requests.push(payload)
    const isPcp = payload[0] === 2
    const opcode = payload[1]!
    const transport = isPcp ? (payload[36] === 17 ? 'udp' : 'tcp') : opcode === 2 ? 'tcp' : 'udp'
    const protocol = isPcp ? 'pcp' : 'nat-pmp'
    const verb =
      !isPcp && opcode === 0 ? 'address' : isRelease(payload) ? `release ${transport}` : transport
    asked.push({ at: now, what: `${protocol} ${verb}` })
    if (script.closed === true) return gatewayPortClosed(mapping, moment())
    if (script.silent === true || isRelease(payload)) return undefined
    if (isPcp && speaks('pcp')) return void receive(pcpResponse(payload, answerOf(transport)))
    if (!isPcp && speaks('nat-pmp')) {
      const about = opcode === 0 ? { ...answerOf('udp'), result: 0 } : answerOf(transport)
      return void receive(natPmpResponse(payload, about))
    }
    // RFC 6887 appendix A: who speaks only one of the two says so.
    if (isPcp && speaks('nat-pmp')) {
      return void receive(natPmpResponse(payload, { ...answerOf('udp'), result: 1 }))
    }
    return undefined
  }
  const hearUpnp = ({ request }: Extract<GatewayRequest, { kind: 'upnp' }>) => {
    const about = request.action === 'discover' ? '' : ` ${request.transport}`
    asked.push({ at: now, what: `upnp ${request.action}${about}` })
    if (request.action === 'unmap') return
    if (!speaks('upnp')) takeUpnp({ outcome: 'failed', request, fault: 'no-answer' })
    else if (request.action === 'discover') takeUpnp({ outcome: 'found' })
    else if (script.upnpError !== undefined) {
      takeUpnp({ outcome: 'failed', request, fault: 'refused', code: script.upnpError })
    } else {
      const { transport, internalPort, lifetimeS } = request
      const { ip: externalIp, port: externalPort } = answerOf(transport)
      takeUpnp({ outcome: 'mapped', transport, internalPort, externalIp, externalPort, lifetimeS })
    }
  }
  const hear = (sent: readonly GatewayRequest[]) => {
    for (const one of sent) {
      if (one.kind === 'datagram') hearDatagram(one.payload)
      else hearUpnp(one)
    }
  }
  /** As the core does it after every event: until nothing more is due. */
  const ask = () => {
    for (let turns = 0; turns < 20; turns++) {
      const sent = portMappingRequests(mapping, instant(now), entropy)
      if (sent.length === 0) return
      hear(sent)
    }
    throw new Error('it does not stop asking')
  }
  const run = (untilMs: number) => {
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error('a deadline that never passes')
      const deadline = portMappingDeadline(mapping)
      if (deadline === undefined || deadline > untilMs) break
      now = Math.max(now, deadline)
      ask()
    }
    now = untilMs
  }
  useGateway(mapping, GATEWAY, NONCES, instant(0))
  return {
    mapping,
    script,
    asked,
    requests,
    run,
    ask,
    receive,
    takeUpnp,
    what: () => asked.map(({ what }) => what),
    timesOf: (what: string) => asked.filter((one) => one.what === what).map(({ at }) => at),
    mapped: () => mappedPorts(mapping),
    why: () => whyNotMapped(mapping),
    refresh: () => {
      refreshPortMapping(mapping, instant(now))
      ask()
    },
    release: () => hear(releasePortMapping(mapping, instant(now))),
    use: (gateway: Gateway | undefined) => {
      useGateway(mapping, gateway, NONCES, instant(now))
      ask()
    },
  }
}

function isRelease(payload: Uint8Array): boolean {
  if (payload.length < 12) return false
  return new DataView(payload.buffer).getUint32(payload[0] === 2 ? 4 : 8) === 0
}
