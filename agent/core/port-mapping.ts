// SPDX-License-Identifier: Apache-2.0
/** Port mapping as part of a node: which gateway to ask, what its answers change, and what is said about it. */
import { addressScope } from '../../nat/address-scope.ts'
import { earliest, type Instant, later, type Now } from '../../nat/clock.ts'
import type { Gateway, GatewayRequest } from '../../nat/gateway-request.ts'
import { fromHex } from '../../nat/hex.ts'
import { PCP_NONCE_BYTES } from '../../nat/pcp-codec.ts'
import type { Transport } from '../../nat/port-lease.ts'
import {
  gatewayPortClosed,
  receiveFromGateway,
  takeUpnpResult,
} from '../../nat/port-mapping-answers.ts'
import {
  portMappingDeadline,
  portMappingRequests,
  refreshPortMapping,
  releasePortMapping,
  useGateway,
} from '../../nat/port-mapping.ts'
import {
  type MappedPorts,
  mappedPorts,
  protocolReport,
  whyNotMapped,
} from '../../nat/port-mapping-report.ts'
import { GATEWAY_LOOK_MS } from './constants.ts'
import type { Effect } from './effect.ts'
import type { GatewayEvent } from './event.ts'
import type { Node } from './state.ts'
import type { PortMappingProtocols, PortMappingStatus } from './status.ts'

export function takeGatewayEvent(node: Node, event: GatewayEvent, { instant: now }: Now): Effect[] {
  const { mapping } = node.ports
  const moment = { now, entropy: node.powers.entropy }
  switch (event.kind) {
    case 'gateway':
      changeGateway(node, event.gateway, now)
      return []
    case 'gateway-datagram':
      receiveFromGateway(mapping, event.from, event.payload, moment)
      return []
    case 'gateway-closed':
      gatewayPortClosed(mapping, moment)
      return []
    case 'upnp-result':
      takeUpnpResult(mapping, event.result, moment)
      return []
    case 'release-ports':
      return releasePorts(node, now)
  }
}

/** Asks what is due, looks for the gateway from time to time, and says what has changed. */
export function portMappingEffects(node: Node, { instant: now }: Now): Effect[] {
  const { ports } = node
  if (!node.config.portMapping || ports.released) return []
  const effects: Effect[] = []
  if (ports.lookAt <= now) {
    ports.lookAt = later(now, GATEWAY_LOOK_MS)
    effects.push({ kind: 'find-gateway' })
  }
  effects.push(...portMappingRequests(ports.mapping, now, node.powers.entropy).map(effectOf))
  const mapped = mappedPorts(ports.mapping)
  const said = mapped === undefined ? '' : `${mapped.protocol} ${mapped.udp} ${mapped.tcp ?? ''}`
  if (said !== ports.said) {
    ports.said = said
    const fields = { protocol: mapped?.protocol, udp: mapped?.udp, tcp: mapped?.tcp }
    const message = mapped === undefined ? 'port mapping lost' : 'port mapped'
    effects.push({ kind: 'log', level: 'info', message, fields })
  }
  return effects
}

export function nextPortMappingDeadline(node: Node): Instant | undefined {
  const { lookAt, mapping, released } = node.ports
  if (!node.config.portMapping || released) return undefined
  return earliest([lookAt, portMappingDeadline(mapping)])
}

/** Links have changed, or a person asks: the gateway may be another one. */
export function lookForGateway(node: Node, now: Instant): void {
  node.ports.lookAt = now
}

/** The NAT has another mapping for us than before: it was restarted, and may have forgotten what it granted. */
export function refreshPorts(node: Node, now: Instant): void {
  refreshPortMapping(node.ports.mapping, now)
}

/** After they were given back: as at the start. */
export function askForPorts(node: Node, now: Instant): void {
  node.ports.released = false
  lookForGateway(node, now)
  refreshPorts(node, now)
}

/** Gives the ports back, until they are asked for again. */
export function releasePorts(node: Node, now: Instant): Effect[] {
  node.ports.released = true
  return releasePortMapping(node.ports.mapping, now).map(effectOf)
}

/** Where the gateway forwards to us from; undefined if that leads nowhere that others could reach. */
export function mappedAddresses(node: Node): MappedPorts | undefined {
  const mapped = mappedPorts(node.ports.mapping)
  return mapped?.reachable === true ? mapped : undefined
}

export function portMappingStatus(node: Node, now: Now): PortMappingStatus | null {
  const mapped = mappedPorts(node.ports.mapping)
  if (mapped === undefined) return null
  const { protocol, udp, tcp, expiresAt } = mapped
  const expiresInS = Math.max(0, Math.round((expiresAt - now.instant) / 1000))
  return { protocol, external: udp, externalTcp: tcp ?? null, expiresInS }
}

/** One sentence; null if others can reach a port that is mapped. */
export function whyNoPortMapping(node: Node): string | null {
  if (!node.config.portMapping) return 'port_mapping = false in the configuration'
  if (node.ports.isGlobal) return 'this host has a global address of its own'
  return whyNotMapped(node.ports.mapping) ?? null
}

/** Null where no gateway is asked. */
export function portMappingProtocols(node: Node): PortMappingProtocols | null {
  const { mapping } = node.ports
  if (mapping.gateway === undefined) return null
  return {
    gateway: mapping.gateway.address,
    pcp: protocolReport(mapping, 'pcp'),
    natPmp: protocolReport(mapping, 'nat-pmp'),
    upnp: protocolReport(mapping, 'upnp'),
  }
}

function changeGateway(node: Node, gateway: Gateway | undefined, now: Instant): void {
  const { ports } = node
  if (ports.released) return
  ports.isGlobal = gateway !== undefined && addressScope(gateway.local) === 'global'
  const wanted = ports.isGlobal ? undefined : gateway
  const known = ports.mapping.gateway
  if (known?.address === wanted?.address && known?.local === wanted?.local) return
  const nonces = { udp: nonceOf(node, wanted, 'udp'), tcp: nonceOf(node, wanted, 'tcp') }
  useGateway(ports.mapping, wanted, nonces, now)
}

/**
 * PCP's nonce, which a server wants to see again before it lets a mapping be renewed or deleted. It follows from a key of
 * the host's, so that an agent that was killed and started again is still the owner of its mapping.
 */
function nonceOf(node: Node, gateway: Gateway | undefined, transport: Transport): Uint8Array {
  const key = fromHex(node.config.keys.probePrivateKey) ?? new Uint8Array()
  const text = `port mapping ${transport} ${gateway?.address} ${gateway?.local}`
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  return node.powers.crypto.mac(key, bytes).slice(0, PCP_NONCE_BYTES)
}

function effectOf(request: GatewayRequest): Effect {
  if (request.kind === 'upnp') return { kind: 'upnp-request', request: request.request }
  return { kind: 'send-to-gateway', payload: request.payload }
}
