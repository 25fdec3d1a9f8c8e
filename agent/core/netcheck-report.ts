// SPDX-License-Identifier: Apache-2.0
/** What a node knows of what lies between it and the internet. Reads state, changes nothing. */
import { addressParts } from '../../nat/address.ts'
import { stunServerStates } from '../../nat/stun-client.ts'
import { parseTurnUrl } from '../../nat/turn-url.ts'
import type {
  FamilyReport,
  HubReport,
  Netcheck,
  PathMtuReport,
  TcpTarget,
  UdpReport,
} from './netcheck.ts'
import { doorReports, openAddresses } from './dial-back.ts'
import { observeSelf, type SelfObservation } from './observe.ts'
import { pathStatusOf } from './path-status.ts'
import { portMappingProtocols, whyNoPortMapping } from './port-mapping.ts'
import type { Node } from './state.ts'
import { turnServerStatuses } from './turn.ts'

/** Others are asked of whom many are: the first ones, by name. */
const TCP_TARGETS_MAX = 8

export function netcheckOf(node: Node): Netcheck {
  const self = observeSelf(node)
  const { found } = node.survey.behaviour
  return {
    nat: self.nat,
    evidence: self.mapping.evidence,
    filteringEvidence: found?.evidence ?? null,
    hairpin: hairpinOf(node, self),
    ipv4: familyOf(node, self, 'ipv4'),
    ipv6: familyOf(node, self, 'ipv6'),
    udp: udpOf(node),
    stunServers: stunServerStates(node.stun).map(({ server, mapped, rttMs }) => ({
      server,
      answered: mapped !== undefined,
      rttMs: rttMs ?? null,
      mapped: mapped ?? null,
    })),
    turnServers: turnServerStatuses(node),
    hubs: hubsOf(node),
    dialable: openAddresses(node, 'tcp').length > 0,
    doors: doorReports(node),
    portMapping: portMappingProtocols(node),
    whyNoPortMapping: whyNoPortMapping(node),
    links: linksOf(node, self),
    paths: pathsOf(node),
  }
}

/** Hubs and TURN servers that listen on TCP, port 443 first. */
export function tcpTargets(node: Node): TcpTarget[] {
  const hubs = [...node.peers.values()].flatMap(({ record }) =>
    record.dialAddresses.flatMap((address) => {
      const [, host, port] = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)$/.exec(address) ?? []
      if (host === undefined) return []
      return [{ name: `hub ${record.certificate.name}`, host, port: Number(port) }]
    }),
  )
  const servers = node.config.turn.flatMap(({ id, url }) => {
    const place = parseTurnUrl(url)
    if (place === undefined || place.transport === 'udp') return []
    return [{ name: `TURN ${id}`, host: place.host, port: place.port }]
  })
  return [...servers, ...hubs.sort((a, b) => (a.name < b.name ? -1 : 1))]
    .sort((a, b) => Number(b.port === 443) - Number(a.port === 443))
    .slice(0, TCP_TARGETS_MAX)
}

/** Two sockets that call each other outside get through only where the NAT gives each of them one port for all. */
function hairpinOf(node: Node, { nat }: SelfObservation): boolean | null {
  const hairpin = node.survey.behaviour.found?.hairpin ?? null
  return hairpin === false && nat.mapping !== 'endpoint-independent' ? null : hairpin
}

function familyOf(node: Node, { host, mapped }: SelfObservation, family: string): FamilyReport {
  const isOf = (address: SelfObservation['host'][number]) => addressParts(address).family === family
  const asked = stunServerStates(node.stun).filter(({ server }) => isOf(server))
  return {
    local: host.filter(isOf),
    mapped: mapped.filter(isOf),
    reached: reached(
      asked.filter((state) => state.mapped !== undefined).length,
      asked.filter(({ failures }) => failures > 0).length,
    ),
  }
}

function udpOf(node: Node): UdpReport {
  const states = stunServerStates(node.stun)
  const answered = states.filter(({ mapped }) => mapped !== undefined)
  const silent = states.filter(({ failures }) => failures > 0)
  return {
    reached: reached(answered.length, silent.length),
    answered: answered.map(({ server }) => server),
    silent: silent.map(({ server }) => server),
  }
}

function reached(answered: number, silent: number): boolean | null {
  return answered > 0 ? true : silent > 0 ? false : null
}

function hubsOf(node: Node): HubReport[] {
  const rtts = new Map(node.hubs.links.map(({ hub, rttMs }) => [hub, rttMs]))
  return [...node.hubs.relays]
    .map((hub) => ({
      name: node.peers.get(hub)?.record.certificate.name ?? hub,
      rttMs: rtts.get(hub) ?? null,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Links whose addresses are of use to others. */
function linksOf(node: Node, { host }: SelfObservation): Netcheck['links'] {
  const ips = new Set(host.map((address) => addressParts(address).ip))
  return node.links
    .filter(({ up, addresses }) => up && addresses.some((text) => ips.has(text.split('/')[0]!)))
    .map(({ name, mtu }) => ({ interface: name, mtu }))
}

function pathsOf(node: Node): PathMtuReport[] {
  return [...node.peers.values()]
    .flatMap((peer) =>
      [...peer.mtus].flatMap(([id, { carried, settledAt }]) => {
        const { kind, via, endpoint } = pathStatusOf(node, peer, id)
        if (kind === 'none') return []
        return {
          peer: peer.record.certificate.name,
          path: { kind, via, endpoint },
          active: id === peer.activePath,
          mtu: carried,
          settled: settledAt !== undefined,
        }
      }),
    )
    .sort((a, b) =>
      a.peer === b.peer ? Number(b.active) - Number(a.active) : a.peer < b.peer ? -1 : 1,
    )
}
