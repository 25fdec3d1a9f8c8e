// SPDX-License-Identifier: Apache-2.0
/**
 * What a node wants of its helper, computed from the view, its own facts and the paths that are proven. A pure
 * function of its arguments; printable, and every decision in it carries its reason. It holds no private key.
 */
import type { Certificate } from './certificate.ts'
import { heldPrefixes } from './gateway.ts'
import type { NodeId, X25519Key } from './identity.ts'
import type { Network } from './network.ts'
import { type Admission, admissionsOf, isOpenTo, type Policy } from './policy.ts'
import { MESH_PORT } from './swim-codec.ts'
import { comparePlannedPaths, type PlannedPath } from './planned-path.ts'

/** RFC 8200 section 5 */
const IPV6_MTU_MIN = 1280

export interface PlannedPeer {
  readonly node: NodeId
  readonly name: string
  readonly wireguardKey: X25519Key
  readonly probeKey: X25519Key
  readonly allowedIps: readonly string[]
  /** What it may speak for and another one has: answers that were on their way when that changed are still taken in. */
  readonly lateIps: readonly string[]
  readonly echoAddress: string
  readonly keepaliveMs: number
  /** Send every packet over two paths. */
  readonly duplicate: boolean
  /** Most wanted first. */
  readonly paths: readonly PlannedPath[]
  /** Why these paths in this order, for a person. */
  readonly why: string
}

export interface PlannedFirewall {
  readonly allow: readonly Admission[]
}

export interface PlannedDevice {
  readonly name: string
  readonly mtu: number
  readonly listenPort: number
  readonly addresses: readonly string[]
  readonly stunServer: boolean
  /** Forward for others. */
  readonly relay: boolean
}

/** A TURN server to allocate on; how to be let in is no part of the plan. */
export interface PlannedTurnServer {
  readonly id: string
  readonly url: string
}

/** The mesh's own names: every member as `<name>.<zone>`, and back. */
export interface PlannedNames {
  readonly zone: string
  readonly hosts: readonly { readonly name: string; readonly addresses: readonly string[] }[]
}

/** Through the device. `mtu`: of the IP packets that the peer's paths carry. */
export interface PlannedRoute {
  readonly destination: string
  readonly mtu: number
}

export interface Plan {
  readonly device: PlannedDevice
  readonly turn: readonly PlannedTurnServer[]
  /** What is let in over the device; null: everything. */
  readonly firewall: PlannedFirewall | null
  readonly routes: readonly PlannedRoute[]
  readonly peers: readonly PlannedPeer[]
  /** Prefixes behind this host that another gateway may have by now: what leaves from there is sent a second time. */
  readonly lateFrom: readonly string[]
  /** Null where the host resolves no names of the mesh. */
  readonly names: PlannedNames | null
}

/** What the plan is made from, for one member. */
export interface MemberPaths {
  readonly certificate: Certificate
  readonly keepaliveMs: number
  /** Send every packet over two paths. */
  readonly duplicate: boolean
  /** It asks others not to count on it. */
  readonly draining: boolean
  /** False where its paths have not answered for a while. */
  readonly reached: boolean
  /** Bytes of IP packet that every one of its paths carries. */
  readonly mtu: number
  /** Of each kind the most wanted first. */
  readonly paths: readonly PlannedPath[]
  readonly why: string
}

export interface PlanInput {
  readonly network: Network
  readonly own: Certificate
  readonly device: Pick<PlannedDevice, 'name' | 'mtu' | 'listenPort' | 'stunServer' | 'relay'>
  /** Undefined: members reach members. */
  readonly policy: Policy | undefined
  /** TCP port at which other members' agents link to this one. */
  readonly dialPort: number
  readonly turn: readonly PlannedTurnServer[]
  /** Whether the host resolves the mesh's names. */
  readonly names: boolean
  /** Prefixes behind this host may be about to move. */
  readonly answersLate: boolean
  /** All members but the node itself, in any order. */
  readonly members: readonly MemberPaths[]
}

export function makePlan(input: PlanInput): Plan {
  const { network, own, device, turn, policy, dialPort, names, members } = input
  const held = heldPrefixes(
    network,
    members.map(({ certificate, paths, reached, draining }) => ({
      certificate,
      isReached: reached && paths.length > 0,
      isDraining: draining,
    })),
  )
  const taken = new Set([...held.values()].flat())
  return {
    device: {
      ...device,
      addresses: [
        `${own.ipv4}/${prefixLength(network.ipv4Prefix)}`,
        `${own.ipv6}/${prefixLength(network.ipv6Prefix)}`,
      ],
    },
    turn,
    firewall:
      policy === undefined || isOpenTo(policy.rules, own)
        ? null
        : planFirewall(policy, own, { dialPort, members }),
    routes: members.flatMap(planRoutes).sort((a, b) => (a.destination < b.destination ? -1 : 1)),
    peers: members
      .map((member) => planPeer(member, held.get(member.certificate.node) ?? [], taken))
      .sort((a, b) => (a.node < b.node ? -1 : 1)),
    lateFrom: input.answersLate ? own.prefixes.filter((prefix) => taken.has(prefix)) : [],
    names: names
      ? planNames(network, [own, ...members.map(({ certificate }) => certificate)])
      : null,
  }
}

/** Two nodes of one name may both hold a certificate for a while: the younger one has the name. */
function planNames({ name: networkName }: Network, certificates: readonly Certificate[]) {
  const byName = new Map(
    certificates.toSorted((a, b) => a.serial - b.serial).map((one) => [one.name, one]),
  )
  const hosts = [...byName.values()]
    .map(({ name, ipv4, ipv6 }) => ({ name, addresses: [ipv4, ipv6] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return { zone: zoneOf(networkName), hosts }
}

/** The DNS zone of a network. */
export function zoneOf(networkName: string): string {
  return `${networkName}.mesh`
}

/**
 * The device's addresses carry the mesh's own prefixes, and the device the largest packets of all paths: what a member's
 * paths carry is said by a route of its own. IPv6 has no packets below 1280 bytes.
 */
function planRoutes({ certificate, mtu }: MemberPaths): PlannedRoute[] {
  return [
    { destination: `${certificate.ipv4}/32`, mtu },
    { destination: `${certificate.ipv6}/128`, mtu: Math.max(IPV6_MTU_MIN, mtu) },
  ]
}

/**
 * A member stays a peer for as long as it is a member, with or without a path: paths move, its own addresses do not. From any
 * other address nothing is taken of it, but for the prefixes that it may speak for. Paths come
 * in the order of their kinds, and all stay armed: the backup of a direct path is the one that failed least.
 */
function planPeer(
  { certificate, keepaliveMs, duplicate, paths, why }: MemberPaths,
  prefixes: readonly string[],
  taken: ReadonlySet<string>,
): PlannedPeer {
  return {
    node: certificate.node,
    name: certificate.name,
    wireguardKey: certificate.wireguardKey,
    probeKey: certificate.probeKey,
    allowedIps: [`${certificate.ipv4}/32`, `${certificate.ipv6}/128`, ...prefixes],
    lateIps: certificate.prefixes.filter((one) => taken.has(one) && !prefixes.includes(one)),
    echoAddress: certificate.ipv4,
    keepaliveMs,
    duplicate,
    paths: paths.toSorted(comparePlannedPaths),
    why,
  }
}

/** Members may always ask each other whether they live, and gossip, whoever may reach whom. */
function planFirewall(
  policy: Policy,
  own: Certificate,
  { dialPort, members }: Pick<PlanInput, 'dialPort' | 'members'>,
): PlannedFirewall {
  const certificates = members.map(({ certificate }) => certificate)
  const all = certificates.map(({ ipv4 }) => ipv4).sort()
  const asking: Admission = { from: all, protocol: 'udp', ports: [[MESH_PORT, MESH_PORT]] }
  const gossip: Admission = { from: all, protocol: 'tcp', ports: [[dialPort, dialPort]] }
  const always = all.length === 0 ? [] : [asking, gossip]
  return { allow: [...always, ...admissionsOf(policy.rules, own, certificates)] }
}

function prefixLength(prefix: string): string {
  return prefix.slice(prefix.indexOf('/') + 1)
}
