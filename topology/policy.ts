// SPDX-License-Identifier: Apache-2.0
/**
 * Who may reach whom in the mesh, as the authority says. What no rule allows is refused on arrival; without a policy
 * members reach members.
 */
import type { WallTime } from '../nat/clock.ts'
import type { Certificate } from './certificate.ts'
import type { NetworkId } from './identity.ts'

/** `*`: everybody. `tag:web`: members with that tag. Else a member's name. */
export type Selector = string

export type PolicyProtocol = 'any' | 'tcp' | 'udp' | 'icmp'

/** Both ends included. */
export type PortRange = readonly [low: number, high: number]

export interface PolicyRule {
  readonly from: readonly Selector[]
  readonly to: readonly Selector[]
  readonly protocol: PolicyProtocol
  /** Of TCP or UDP; empty: all. */
  readonly ports: readonly PortRange[]
}

export interface Policy {
  readonly network: NetworkId
  /** Of two policies the one of the higher serial counts. */
  readonly serial: number
  readonly issuedAt: WallTime
  readonly rules: readonly PolicyRule[]
}

export const RULES_MAX = 128
export const SELECTORS_MAX = 16
export const PORT_RANGES_MAX = 16

export const POLICY_PROTOCOLS: readonly PolicyProtocol[] = ['any', 'tcp', 'udp', 'icmp']

type Subject = Pick<Certificate, 'name' | 'tags'>

/** What one host lets in over the mesh: from these addresses, by this protocol, on these ports. */
export interface Admission {
  readonly from: readonly string[]
  readonly protocol: PolicyProtocol
  readonly ports: readonly PortRange[]
}

export function selects(selector: Selector, { name, tags }: Subject): boolean {
  if (selector === '*') return true
  return selector.startsWith('tag:') ? tags.includes(selector.slice(4)) : selector === name
}

/** The rules by which `from` may reach `to`. */
export function rulesBetween(
  rules: readonly PolicyRule[],
  from: Subject,
  to: Subject,
): PolicyRule[] {
  return rules.filter(
    (rule) =>
      rule.from.some((selector) => selects(selector, from)) &&
      rule.to.some((selector) => selects(selector, to)),
  )
}

export interface Attempt {
  readonly protocol: PolicyProtocol
  /** Undefined: whether any port would do. */
  readonly port: number | undefined
}

export function permits(
  rules: readonly PolicyRule[],
  from: Subject,
  to: Subject,
  { protocol, port }: Attempt,
): boolean {
  return rulesBetween(rules, from, to).some(
    (rule) =>
      (rule.protocol === 'any' || rule.protocol === protocol) &&
      (rule.ports.length === 0 ||
        port === undefined ||
        rule.ports.some(([low, high]) => low <= port && port <= high)),
  )
}

/** What a host lets in, with the addresses of those that its rules name; sorted, so that equal policies make equal plans. */
export function admissionsOf(
  rules: readonly PolicyRule[],
  own: Subject,
  members: readonly Certificate[],
): Admission[] {
  return rules.flatMap(({ from, to, protocol, ports }) => {
    if (!to.some((selector) => selects(selector, own))) return []
    const addresses = members
      .filter((member) => from.some((selector) => selects(selector, member)))
      .flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])
      .sort()
    return addresses.length === 0 ? [] : [{ from: addresses, protocol, ports }]
  })
}

/** Whether a host lets every member do everything, as without a policy. */
export function isOpenTo(rules: readonly PolicyRule[], own: Subject): boolean {
  return rules.some(
    ({ from, to, protocol }) =>
      protocol === 'any' && from.includes('*') && to.some((selector) => selects(selector, own)),
  )
}

/** What `from` may do to `to`, for a person: `tcp 22, 8000-8100; icmp`, `everything` or `nothing`. */
export function allowanceText(rules: readonly PolicyRule[], from: Subject, to: Subject): string {
  const between = rulesBetween(rules, from, to)
  if (between.length === 0) return 'nothing'
  if (between.some(({ protocol }) => protocol === 'any')) return 'everything'
  return between.map(({ protocol, ports }) => `${protocol} ${portsText(ports)}`.trim()).join('; ')
}

function portsText(ports: readonly PortRange[]): string {
  return ports.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(', ')
}
