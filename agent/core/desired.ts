// SPDX-License-Identifier: Apache-2.0
/** The plan in the helper's words, with the private keys and passwords that the plan leaves out. */
import type { NodeId } from '../../topology/identity.ts'
import type { Plan } from '../../topology/plan.ts'
import type { PlannedPath } from '../../topology/planned-path.ts'
import type { DesiredPath, DesiredState, DesiredTurnServer } from './helper-contract.ts'
import type { HelperFeature } from './helper-hello.ts'
import { hexToBase64 } from './key-text.ts'

/** X25519 private keys, hex. */
export interface SessionKeys {
  readonly wireguardPrivateKey: string
  readonly probePrivateKey: string
}

export interface Secrets {
  readonly keys: SessionKeys
  readonly turn: readonly DesiredTurnServer[]
}

const LATE_ANSWERS: HelperFeature = 'late-answers'

/** `features`: the helper's. What it does not know is left out, because it would refuse all of the document. */
export function desiredState(
  plan: Plan,
  { keys, turn }: Secrets,
  features: readonly string[],
): DesiredState {
  const knowsLate = features.includes(LATE_ANSWERS)
  const helperNames = new Map(plan.peers.map((p) => [p.node, hexToBase64(p.wireguardKey)]))
  return {
    device: {
      ...plan.device,
      privateKey: hexToBase64(keys.wireguardPrivateKey),
      probeKey: hexToBase64(keys.probePrivateKey),
    },
    ...(plan.firewall === null ? {} : { firewall: plan.firewall }),
    turn: plan.turn.flatMap(({ id }) => turn.filter((server) => server.id === id)),
    routes: plan.routes,
    peers: plan.peers.map((peer) => ({
      publicKey: helperNames.get(peer.node)!,
      probeKey: hexToBase64(peer.probeKey),
      allowedIps: peer.allowedIps,
      ...(knowsLate && peer.lateIps.length > 0 && { lateIps: peer.lateIps }),
      echoAddress: peer.echoAddress,
      keepaliveMs: peer.keepaliveMs,
      ...(peer.duplicate && { duplicate: true }),
      paths: peer.paths.flatMap((path) => desiredPath(path, helperNames)),
    })),
    ...(knowsLate && plan.lateFrom.length > 0 && { lateFrom: plan.lateFrom }),
    names: plan.names,
  }
}

/** A route over a hub that is no member (any more) cannot be said, and leads nowhere. */
function desiredPath(path: PlannedPath, helperNames: ReadonlyMap<NodeId, string>): DesiredPath[] {
  switch (path.kind) {
    case 'direct':
      return [path]
    case 'relay': {
      const via = path.via.flatMap((hub) => helperNames.get(hub) ?? [])
      return via.length === path.via.length ? [{ id: path.id, kind: 'relay', via }] : []
    }
    case 'turn': {
      const { id, server, endpoint } = path
      // To this host's own socket, what a server gave to the peer is an address like any other.
      return server === null
        ? [{ id, kind: 'direct', endpoint }]
        : [{ id, kind: 'turn', server, endpoint }]
    }
    case 'channel':
      return [path]
  }
}
