// SPDX-License-Identifier: Apache-2.0
/** What port mapping has come to: the ports that others can use, or why there are none. */
import { type TransportAddress, transportAddress } from './address.ts'
import { addressScope } from './address-scope.ts'
import type { Instant } from './clock.ts'
import type { MappingProtocol } from './gateway-request.ts'
import { expiryOf, type Grant } from './port-lease.ts'
import type { PortMapping, Standing } from './port-mapping.ts'

const PROTOCOLS = ['pcp', 'nat-pmp', 'upnp'] as const
const NAMES = { pcp: 'PCP', 'nat-pmp': 'NAT-PMP', upnp: 'UPnP' } as const

/** TCP is undefined as long as only UDP is mapped. */
export interface MappedPorts {
  readonly protocol: MappingProtocol
  readonly udp: TransportAddress
  readonly tcp: TransportAddress | undefined
  readonly expiresAt: Instant
}

/** What the gateway forwards; `reachable` is false if its external address is behind another NAT. */
export function mappedPorts(
  mapping: PortMapping,
): (MappedPorts & { readonly reachable: boolean }) | undefined {
  const { holder, leases } = mapping
  const { udp, tcp } = leases
  const expiresAt = expiryOf(udp)
  if (holder === undefined || udp.grant === undefined || expiresAt === undefined) return undefined
  const external = addressOf(udp.grant)
  if (external === undefined) return undefined
  return {
    protocol: holder,
    udp: external,
    // A router with several addresses: the two ports would not be the same host's to others.
    tcp: tcp.grant?.ip === udp.grant.ip ? addressOf(tcp.grant) : undefined,
    expiresAt,
    reachable: addressScope(udp.grant.ip) === 'global',
  }
}

/** One sentence; undefined if there is nothing to explain. */
export function whyNotMapped(mapping: PortMapping): string | undefined {
  const { gateway, standings, attempts } = mapping
  if (gateway === undefined) return 'no gateway to ask'
  const mapped = mappedPorts(mapping)
  if (mapped !== undefined) {
    if (mapped.reachable) return undefined
    return `the gateway ${gateway.address} is behind another NAT: it forwards ${mapped.udp}`
  }
  const said = PROTOCOLS.map((protocol) => [protocol, standings[protocol]] as const).filter(
    ([, standing]) => standing.refusal !== undefined,
  )
  const answering = said.filter(([, { refusal }]) => refusal !== 'closed')
  if (answering.length > 0) {
    const words = answering.map(
      ([protocol, standing]) => `${NAMES[protocol]} ${standingText(standing)}`,
    )
    return `the gateway ${gateway.address} forwards no port: ${words.join(', ')}`
  }
  if (Object.values(standings).some(({ answered }) => answered) || attempts < 2) {
    return `asking the gateway ${gateway.address}`
  }
  return `the gateway ${gateway.address} speaks neither PCP nor NAT-PMP nor UPnP`
}

/** What one protocol came to: `granted`, `answers`, `no answer`, or the refusal. */
export function protocolReport(mapping: PortMapping, protocol: MappingProtocol): string {
  if (mapping.holder === protocol) return 'granted'
  return standingText(mapping.standings[protocol])
}

function standingText({ answered, refusal, code }: Standing): string {
  if (refusal === undefined) return answered ? 'answers' : 'no answer'
  const words = refusal.replace('-', ' ')
  return code === undefined ? words : `${words} (${code})`
}

function addressOf({ ip, port }: Grant): TransportAddress | undefined {
  const address = transportAddress(ip, port)
  return address.ok ? address.value : undefined
}
