// SPDX-License-Identifier: Apache-2.0
/** Parts of a helper's state that follow from what is desired of it alone. */
import type { DesiredDevice, HelperDevice } from '../../agent/core/helper-device.ts'
import type { HelperFeature, HelperHello } from '../../agent/core/helper-hello.ts'
import type { HelperNames } from '../../agent/core/helper-names.ts'
import type {
  DesiredState,
  DesiredTurnServer,
  HelperLink,
  HelperTurnServer,
} from '../../agent/core/helper-contract.ts'

export const FEATURES: readonly HelperFeature[] = ['late-answers', 'search-transaction']

export function quietHello({
  instance,
  features,
}: Pick<HelperHello, 'instance' | 'features'>): HelperHello {
  const engineReason = 'a simulation'
  return { protocol: 1, helper: 'simulated', engine: 'userspace', engineReason, instance, features }
}

/** What of a helper's state follows from its document, where nothing ever goes wrong. */
export function quietState(
  { device, routes, names }: DesiredState,
  { listenPort, publicKey }: { readonly listenPort: number; readonly publicKey: string },
  links: readonly HelperLink[],
) {
  return {
    engine: 'userspace' as const,
    restored: false,
    takeover: null,
    device: device && deviceState(device, { listenPort, publicKey }),
    routes,
    names: namesState(names),
    links,
  }
}

function deviceState(
  { name, mtu, addresses, stunServer, relay }: DesiredDevice,
  { listenPort, publicKey }: { readonly listenPort: number; readonly publicKey: string },
): HelperDevice {
  return { name, index: 7, mtu, listenPort, publicKey, addresses, stunServer, relay }
}

/** One interface with all of a host's addresses. */
export function onlyLink(ips: readonly string[]): HelperLink {
  const addresses = ips.map((ip) => `${ip}/${ip.includes(':') ? 64 : 24}`)
  return { name: 'eth0', index: 2, up: true, mtu: 1500, addresses }
}

/** A resolver that was told at once. */
function namesState(names: DesiredState['names']): HelperNames | null {
  return names ? { zone: names.zone, wiring: 'file', problem: null } : null
}

/** Nobody has answered at the server yet. */
export function unallocated({ id, url }: DesiredTurnServer): HelperTurnServer {
  const transport = url.startsWith('turns:') ? 'tls' : url.endsWith('=tcp') ? 'tcp' : 'udp'
  const nothing = { cause: null, detail: null, relayed: null, rttUs: null }
  return { id, transport, state: 'connecting', ...nothing }
}
