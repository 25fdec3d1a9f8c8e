// SPDX-License-Identifier: Apache-2.0
import type { DescriptionInput } from '../description.ts'
import type { NatKindName } from '../nat-kinds.ts'

/** Rows of the grid are hosts of side a, columns of side b: a pair of equal kinds is two sites. */
export const sides = ['a', 'b'] as const
export type Side = (typeof sides)[number]

export interface GridSite {
  readonly side: Side
  readonly kind: NatKindName
  readonly host: string
  readonly nat: string
}

/** The kinds of NAT that meet in one lab. */
export interface GridPart {
  readonly rows: readonly NatKindName[]
  readonly columns: readonly NatKindName[]
}

export const hubs = ['hub-1', 'hub-2'] as const

/** One way between a site and the internet's core: an ordinary line in one region. */
const wanDelayMs = 5

/** Sites of side a for the rows, of side b for the columns. */
export function gridSites(part: GridPart): GridSite[] {
  const site = (side: Side) => (kind: NatKindName) => ({
    side,
    kind,
    host: `${side}-${kind}`,
    nat: `n${side}-${kind}`,
  })
  return [...part.rows.map(site('a')), ...part.columns.map(site('b'))]
}

/** A site with one host for each row and column, and two public hubs: two, because one STUN server cannot tell mappings apart. */
export function gridDescription(sites: readonly GridSite[]): DescriptionInput {
  // What a host's own cable does is not what is measured here.
  const cable = { emulate: false }
  return {
    name: 'nat-grid',
    hosts: {
      ...Object.fromEntries(hubs.map((hub) => [hub, { link: { delayMs: wanDelayMs } }])),
      ...Object.fromEntries(sites.map(({ host, nat }) => [host, { behind: nat, link: cable }])),
    },
    nats: Object.fromEntries(
      sites.map(({ nat, kind }) => [nat, { kind, link: { delayMs: wanDelayMs } }]),
    ),
  }
}
