// SPDX-License-Identifier: Apache-2.0
import type { DescriptionInput } from '../description.ts'
import type { Capability } from '../expected-grid.ts'
import { type NatKindName, natKinds } from '../nat-kinds.ts'

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

/** Its server listens where a network that blocks everything else is open (RFC 8656 over TLS). */
export const turn = { host: 'turn', port: 443, user: 'mesh', password: 'gate' } as const

/** No UDP goes out there, so what hubs forward does not reach it. */
export function needsTurn({ kind }: GridSite): boolean {
  return natKinds[kind].filtering === 'blocked'
}

/** A site with one host for each row and column, and two public hubs: two, because one STUN server cannot tell mappings apart. */
export function gridDescription(
  sites: readonly GridSite[],
  has: ReadonlySet<Capability>,
): DescriptionInput {
  // What a host's own cable does is not what is measured here.
  const cable = { emulate: false }
  const far = { link: { delayMs: wanDelayMs } }
  const account = { user: turn.user, password: turn.password, realm: 'lab' }
  const server = { on: turn.host, tls: true, tlsPort: turn.port, turn: account }
  const withTurn = has.has('relay-over-tcp')
  return {
    name: 'nat-grid',
    hosts: {
      ...Object.fromEntries([...hubs, ...(withTurn ? [turn.host] : [])].map((name) => [name, far])),
      ...Object.fromEntries(sites.map(({ host, nat }) => [host, { behind: nat, link: cable }])),
    },
    nats: Object.fromEntries(sites.map(({ nat, kind }) => [nat, { kind, ...far }])),
    ...(withTurn ? { services: { turn: { kind: 'coturn', ...server } } } : {}),
  }
}
