// SPDX-License-Identifier: Apache-2.0
/**
 * A host with several ways out has several addresses abroad: each is asked for, offered, and tried for itself. What leaves
 * without a source takes the kernel's first choice, as on a host with one; this is about the others.
 */
import { addressParts, familyOf, type TransportAddress } from '../../nat/address.ts'
import { earliest, type Instant, type Now } from '../../nat/clock.ts'
import {
  askAgain,
  createStunClient,
  receiveStun,
  setStunServers,
  stunDeadline,
  stunRequests,
} from '../../nat/stun-client.ts'
import { SPARE_UPLINKS_MAX } from './constants.ts'
import type { Effect } from './effect.ts'
import { isMeshAddress } from './observe.ts'
import type { Node } from './state.ts'

/** Our addresses that packets leave from only if they are asked to. */
export function spareSources(node: Node): readonly string[] {
  return node.links
    .filter(({ up, name }) => up && !node.config.isExcludedInterface(name))
    .flatMap(({ spares }) => spares ?? [])
    .filter((address) => !isMeshAddress(node, address))
    .slice(0, SPARE_UPLINKS_MAX)
}

/** Questions to STUN servers from each spare address. `servers`: best first. */
export function uplinkEffects(
  node: Node,
  servers: readonly TransportAddress[],
  { instant }: Now,
): Effect[] {
  if (!node.helper.connected) return []
  const sources = spareSources(node)
  for (const source of node.uplinks.keys()) {
    if (!sources.includes(source)) node.uplinks.delete(source)
  }
  const { entropy, stun } = node.powers
  return sources.flatMap((source) => {
    const client = node.uplinks.get(source) ?? createStunClient()
    node.uplinks.set(source, client)
    setStunServers(
      client,
      servers.filter((server) => addressParts(server).family === familyOf(source)),
      instant,
    )
    return stunRequests(client, instant, entropy, stun).map(
      ({ to, payload }): Effect => ({ kind: 'send-datagram', to, payload, source }),
    )
  })
}

export function uplinkDeadline({ uplinks }: Node): Instant | undefined {
  return earliest([...uplinks.values()].map(stunDeadline))
}

/** Takes an answer to any of those questions. */
export function takeUplinkAnswer(
  node: Node,
  { from, payload }: { from: TransportAddress; payload: Uint8Array },
  { instant }: Now,
): void {
  const { entropy, stun } = node.powers
  for (const client of node.uplinks.values()) {
    if (receiveStun(client, from, payload, instant, entropy, stun)) return
  }
}

export function askUplinksAgain({ uplinks }: Node, now: Instant): void {
  for (const client of uplinks.values()) askAgain(client, now)
}
