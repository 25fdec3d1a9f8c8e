// SPDX-License-Identifier: Apache-2.0
/** How a member's own request reaches an authority: over a link that stands, over somebody else's, or by knocking. */
import type { Connection, Libp2p } from '@libp2p/interface'
import { err, type Result } from '../../../nat/result.ts'
import type { View } from '../../../topology/view.ts'
import type { JoinFault } from './join-frame.ts'
import { askAt, askOver, carry, JOIN_DEADLINE_MS } from './join-protocol.ts'
import type { Members } from './underlay-members.ts'
import { peerIdOf } from './underlay-node.ts'

const CARRIERS_MAX = 3
const KNOCKS_MAX = 6

export interface AskAuthorityOptions {
  readonly node: Libp2p
  readonly self: string
  readonly members: Members
  readonly view: View
  /** Connections to neighbours that are authorities. */
  readonly authorities: readonly Connection[]
}

export async function askAuthority(
  { node, self, members, view, authorities }: AskAuthorityOptions,
  request: Uint8Array,
): Promise<Result<Uint8Array, JoinFault>> {
  const direct = await carry(authorities, request, JOIN_DEADLINE_MS)
  if (direct.ok) return direct
  let last: Result<Uint8Array, JoinFault> = direct
  for (const id of members.nodes().slice(0, CARRIERS_MAX)) {
    const connection = members.connectionTo(id)
    if (connection === undefined) continue
    last = await askOver(connection, { hops: 1, request }, AbortSignal.timeout(JOIN_DEADLINE_MS))
    if (last.ok) return last
  }
  return members.nodes().length > 0 ? last : knock(node, dialAddresses(view, self), request)
}

/** A host whose certificate has run out is no neighbour of anybody: it knocks as one that joins does. */
async function knock(
  node: Libp2p,
  addresses: readonly string[],
  request: Uint8Array,
): Promise<Result<Uint8Array, JoinFault>> {
  let last: Result<Uint8Array, JoinFault> = err('unreachable')
  for (const address of addresses.slice(0, KNOCKS_MAX)) {
    last = await askAt(node, address, request, AbortSignal.timeout(JOIN_DEADLINE_MS))
    if (last.ok) return last
  }
  return last
}

function dialAddresses(view: View, self: string): string[] {
  return [...view.entries.values()]
    .filter(({ record }) => record.certificate.node !== self)
    .flatMap(({ record: { certificate, dialAddresses: addresses } }) =>
      addresses.map((address) => `${address}/p2p/${peerIdOf(certificate.node).toString()}`),
    )
}
