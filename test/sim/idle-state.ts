// SPDX-License-Identifier: Apache-2.0
/** Parts of a helper's state that follow from what is desired of it alone. */
import type {
  DesiredDevice,
  DesiredTurnServer,
  HelperDevice,
  HelperTurnServer,
} from '../../agent/core/helper-contract.ts'

export function deviceState(
  { name, mtu, addresses, stunServer, relay }: DesiredDevice,
  { listenPort, publicKey }: { readonly listenPort: number; readonly publicKey: string },
): HelperDevice {
  return { name, index: 7, mtu, listenPort, publicKey, addresses, stunServer, relay }
}

/** Nobody has answered at the server yet. */
export function unallocated({ id, url }: DesiredTurnServer): HelperTurnServer {
  const transport = url.startsWith('turns:') ? 'tls' : url.endsWith('=tcp') ? 'tcp' : 'udp'
  const nothing = { cause: null, detail: null, relayed: null, rttUs: null }
  return { id, transport, state: 'connecting', ...nothing }
}
