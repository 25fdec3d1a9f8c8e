// SPDX-License-Identifier: Apache-2.0
/** The plan in the helper's words, with the private keys that the plan leaves out. */
import type { Plan } from '../../topology/plan.ts'
import type { DesiredState } from './helper-contract.ts'
import { hexToBase64 } from './key-text.ts'

/** X25519 private keys, hex. */
export interface SessionKeys {
  readonly wireguardPrivateKey: string
  readonly probePrivateKey: string
}

export function desiredState(plan: Plan, keys: SessionKeys): DesiredState {
  return {
    device: {
      ...plan.device,
      privateKey: hexToBase64(keys.wireguardPrivateKey),
      probeKey: hexToBase64(keys.probePrivateKey),
    },
    routes: plan.routes,
    peers: plan.peers.map((peer) => ({
      publicKey: hexToBase64(peer.wireguardKey),
      probeKey: hexToBase64(peer.probeKey),
      allowedIps: peer.allowedIps,
      echoAddress: peer.echoAddress,
      keepaliveMs: peer.keepaliveMs,
      paths: peer.paths,
    })),
  }
}
