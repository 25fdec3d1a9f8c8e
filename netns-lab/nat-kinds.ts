// SPDX-License-Identifier: Apache-2.0

/**
 * NAT kinds in the words of RFC 4787: mapping (section 4.1), filtering (section 5), port assignment (section 4.2).
 * Letters in brackets are those of the field's usual lists of test NATs.
 */

export type MappingBehaviour =
  | 'none'
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent'
export type FilteringBehaviour =
  | 'none'
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent'
  | 'blocked'
export type PortAssignment = 'none' | 'random' | 'preserving' | 'sequential' | 'hashed'

/** How a kind is built from the rule files in rules/ and the one-rule chains in nat-rules.ts. */
export interface NatKind {
  readonly mapping: MappingBehaviour
  readonly filtering: FilteringBehaviour
  readonly ports: PortAssignment
  readonly engine: NatEngine
  readonly comment: string
}

/** `routed` translates nothing; `eim` learns mappings in nft maps; the others are one rule of conntrack's own NAT. */
export type NatEngine =
  | { readonly type: 'routed'; readonly filter: 'open' | 'firewall' }
  | { readonly type: 'eim'; readonly preservePorts: boolean }
  | { readonly type: 'rule'; readonly rule: PostroutingRule }
  | { readonly type: 'blocked'; readonly verdict: 'drop' | 'reject' }

export type PostroutingRule =
  | 'masquerade'
  | 'masquerade-dmz'
  | 'fully-random'
  | 'sequential'
  | 'address-hash'
  | 'address-pool'

const independent = 'endpoint-independent'
const dependent = 'address-and-port-dependent'

export const natKinds = {
  none: {
    mapping: 'none',
    filtering: independent,
    ports: 'none',
    engine: { type: 'routed', filter: 'open' },
    comment: '(h5) a plain router, public addresses behind it, no filter',
  },
  'full-cone': {
    mapping: independent,
    filtering: independent,
    ports: 'random',
    engine: { type: 'eim', preservePorts: false },
    comment: '(a) anybody may answer a mapping',
  },
  'restricted-cone': {
    mapping: independent,
    filtering: 'address-dependent',
    ports: 'random',
    engine: { type: 'eim', preservePorts: false },
    comment: '(b) only addresses that were sent to may answer',
  },
  'port-restricted': {
    mapping: independent,
    filtering: dependent,
    ports: 'random',
    engine: { type: 'eim', preservePorts: false },
    comment: '(c) only address and port that were sent to may answer',
  },
  'port-restricted-preserving': {
    mapping: independent,
    filtering: dependent,
    ports: 'preserving',
    engine: { type: 'eim', preservePorts: true },
    comment: '(c1) the same, and keeps the inner port where it is free',
  },
  masquerade: {
    mapping: independent,
    filtering: dependent,
    ports: 'preserving',
    engine: { type: 'rule', rule: 'masquerade' },
    comment:
      '(c2) plain Linux; independent for one host only: several hosts may share an external port',
  },
  dmz: {
    mapping: independent,
    filtering: independent,
    ports: 'preserving',
    engine: { type: 'rule', rule: 'masquerade-dmz' },
    comment: '(a2) masquerade, and every unexpected UDP packet goes to one inner host',
  },
  symmetric: {
    mapping: dependent,
    filtering: dependent,
    ports: 'random',
    engine: { type: 'rule', rule: 'fully-random' },
    comment: '(d) a new random port for each destination',
  },
  'symmetric-sequential': {
    mapping: dependent,
    filtering: dependent,
    ports: 'sequential',
    engine: { type: 'rule', rule: 'sequential' },
    comment: '(d2) the next port for each destination',
  },
  'address-dependent': {
    mapping: 'address-dependent',
    filtering: dependent,
    ports: 'hashed',
    engine: { type: 'rule', rule: 'address-hash' },
    comment: '(d3) a new port for each destination address',
  },
  'address-pool': {
    mapping: dependent,
    filtering: dependent,
    ports: 'random',
    engine: { type: 'rule', rule: 'address-pool' },
    comment: '(d4) port and address differ for each destination, from four addresses',
  },
  'udp-blocked': {
    mapping: 'none',
    filtering: 'blocked',
    ports: 'none',
    engine: { type: 'blocked', verdict: 'drop' },
    comment: '(g) only TCP 443 goes out, all else is dropped in silence',
  },
  'udp-rejected': {
    mapping: 'none',
    filtering: 'blocked',
    ports: 'none',
    engine: { type: 'blocked', verdict: 'reject' },
    comment: '(g) only TCP 443 goes out, all else is refused at once',
  },
  firewall: {
    mapping: 'none',
    filtering: dependent,
    ports: 'none',
    engine: { type: 'routed', filter: 'firewall' },
    comment: '(h1) public addresses behind a stateful firewall, no translation',
  },
} as const satisfies Record<string, NatKind>

export type NatKindName = keyof typeof natKinds
export const natKindNames = Object.keys(natKinds) as [NatKindName, ...NatKindName[]]

/** True for kinds that translate addresses, whose LAN may therefore overlap with any other. */
export function translates(kind: NatKindName): boolean {
  return natKinds[kind].engine.type !== 'routed'
}
