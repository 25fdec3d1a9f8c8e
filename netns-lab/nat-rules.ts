// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import type { Description } from './description.ts'
import { natKinds, type NatKind, type NatKindName, type PostroutingRule } from './nat-kinds.ts'

/** What a rule set depends on besides its kind. */
export interface NatRuleInput {
  readonly kind: NatKindName
  /** The WAN addresses; the first is the router's own, the rest the pool of `address-pool`. */
  readonly external: readonly string[]
  readonly hairpin: NonNullable<Description['nats'][string]['hairpin']>
  readonly ipv6: NonNullable<Description['nats'][string]['ipv6']>
  /** How long an unused UDP mapping lives; undefined leaves conntrack's own 30 s and 120 s. */
  readonly mappingLifetimeS: number | undefined
  /** Inner address for the kind `dmz`. */
  readonly dmzAddress: string | undefined
  /** What the router answers of its LAN's wishes for ports. */
  readonly portMapping: NonNullable<Description['nats'][string]['portMapping']>
  readonly badPortMapping: 'nonsense' | undefined
}

/** RFC 4787 REQ-5 asks for two minutes at least. */
const eimLifetimeS = 120

/**
 * The whole nft program of a router, beginning with `flush ruleset`: loading it replaces rules and forgets
 * learned mappings in one transaction.
 */
export function natRules(input: NatRuleInput): string {
  const kind: NatKind = natKinds[input.kind]
  const lifetimeS = mappingLifetimeS(input)
  const values = {
    $LIFETIME: `${lifetimeS ?? eimLifetimeS}s`,
    $EXTERNAL: input.external[0] ?? '',
    $ALLOCATE: kind.engine.type === 'eim' ? allocation(kind.engine.preservePorts) : '',
    $VERDICT:
      kind.engine.type === 'blocked' && kind.engine.verdict === 'reject'
        ? 'reject with icmpx type admin-prohibited'
        : 'drop',
    $UNHEARD: unheard(input).join('\n    '),
  }
  const mapping = input.portMapping.length > 0 ? [rule('port-mapping')] : []
  const text = ['flush ruleset', ...parts(input, kind), ...mapping].join('\n')
  // nft rejects its own variables in places such as "timeout $X", hence textual replacement.
  return text.replaceAll(/\$[A-Z]+/g, (name) => values[name as keyof typeof values])
}

/** Why a router cannot map ports; undefined if it can, or need not. */
export function portMappingFault(input: {
  readonly kind: NatKindName
  readonly portMapping?: readonly string[] | undefined
}): string | undefined {
  if ((input.portMapping ?? []).length === 0) return undefined
  const { type } = natKinds[input.kind].engine
  if (input.kind === 'dmz') return 'a router that gives every port to one host has none to map'
  return type === 'eim' || type === 'rule'
    ? undefined
    : `a router of kind ${input.kind} has no ports to map; choose a kind that translates UDP`
}

/** The lifetime to give conntrack's UDP timeouts, so that maps and flows end together; undefined keeps the kernel's. */
export function mappingLifetimeS(input: NatRuleInput): number | undefined {
  const isEim = natKinds[input.kind].engine.type === 'eim'
  return input.mappingLifetimeS ?? (isEim ? eimLifetimeS : undefined)
}

function parts(input: NatRuleInput, kind: NatKind): string[] {
  const ipv6 = input.ipv6 === 'open' ? [rule('ipv6-open')] : []
  switch (kind.engine.type) {
    case 'routed':
      return kind.engine.filter === 'open' ? [] : [rule('router-filter'), ...ipv6]
    case 'eim':
      return [
        rule('router-filter'),
        ...ipv6,
        rule('eim'),
        ...eimFilter(kind),
        ...(input.hairpin === 'off' ? [] : [rule(`hairpin-${input.hairpin}`)]),
      ]
    case 'rule':
      return [rule('router-filter'), ...ipv6, ...postrouting(kind.engine.rule, input)]
    case 'blocked':
      return [rule('udp-blocked-filter'), ...postrouting('masquerade', input)]
  }
}

function eimFilter(kind: NatKind): string[] {
  switch (kind.filtering) {
    case 'endpoint-independent':
      return [rule('filter-endpoint-independent')]
    case 'address-dependent':
      return [rule('filter-address-dependent')]
    case 'address-and-port-dependent':
    case 'none':
    case 'blocked':
      // Conntrack filters by address and port of its own accord.
      return []
  }
}

/** By the first byte of the datagram, its version. */
function unheard({ portMapping }: NatRuleInput): string[] {
  return (['nat-pmp', 'pcp'] as const)
    .filter((protocol) => !portMapping.includes(protocol))
    .map((protocol) => `udp dport 5351 @th,64,8 ${protocol === 'pcp' ? 2 : 0} drop`)
}

function allocation(preservePorts: boolean): string {
  const udp = 'oifname "wan" meta l4proto udp'
  const random = `${udp} masquerade to :1024-65535 random`
  return preservePorts ? `${udp} udp sport != @ports masquerade\n    ${random}` : random
}

/**
 * Kinds that are one rule of conntrack's NAT. Plain masquerade reuses a source's live mapping; `random` and
 * `fully-random` skip that reuse, which makes them symmetric.
 */
function postrouting(rule: PostroutingRule, input: NatRuleInput): string[] {
  const chain = (line: string) =>
    `table ip nat {\n  chain post { type nat hook postrouting priority srcnat;\n    ${line}\n    oifname "wan" masquerade\n  }\n}`
  const keepOwn = 'fib saddr type local accept\n    oifname "wan"'
  switch (rule) {
    case 'masquerade':
      return [chain('oifname "wan" masquerade')]
    case 'masquerade-dmz':
      return [chain('oifname "wan" masquerade'), dmz(input.dmzAddress)]
    case 'fully-random':
      return [chain(`${keepOwn} masquerade fully-random`)]
    case 'sequential':
      return [
        chain(`${keepOwn} meta l4proto udp masquerade to :numgen inc mod 200 map { ${portMap()} }`),
      ]
    case 'address-hash':
      return [
        chain(
          `${keepOwn} meta l4proto udp masquerade to :jhash ip saddr . udp sport . ip daddr mod 60000 seed 0x5eed offset 2000`,
        ),
      ]
    case 'address-pool':
      return [
        chain(`${keepOwn} snat to ${input.external[0]}-${input.external.at(-1)} fully-random`),
      ]
  }
}

function dmz(address: string | undefined): string {
  if (address === undefined) return ''
  return `table ip nat {\n  chain pre { type nat hook prerouting priority dstnat;\n    iifname "wan" fib daddr type local meta l4proto udp dnat ip to ${address}\n  }\n}`
}

/** A map, because nft hands the bare number over with its bytes swapped: ports would go up in steps of 256. */
function portMap(): string {
  return Array.from({ length: 200 }, (_, index) => `${index} : ${40_000 + index}`).join(', ')
}

function rule(name: string): string {
  return readFileSync(new URL(`./rules/${name}.nft`, import.meta.url), 'utf8')
}
