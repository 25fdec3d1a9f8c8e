// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../nat/address.ts'
import type { DesiredPath, HelperPath } from '../../agent/core/helper-contract.ts'

type Described = Pick<HelperPath, 'id' | 'kind' | 'endpoint' | 'via' | 'server' | 'socket'>

/** A path as the helper's state shows it. */
export function describePath(
  wanted: DesiredPath,
  directOf: (peer: string) => TransportAddress | undefined,
): Described {
  const { id, kind } = wanted
  const none = { via: [], server: null, socket: null }
  switch (kind) {
    case 'direct':
      return { ...none, id, kind, endpoint: wanted.endpoint, socket: wanted.socket ?? null }
    case 'relay': {
      const hub = wanted.via[0]
      const endpoint = hub === undefined ? null : (directOf(hub) ?? null)
      return { ...none, id, kind, endpoint, via: wanted.via }
    }
    case 'turn':
      return { ...none, id, kind, endpoint: null, server: wanted.server }
    case 'channel':
      return { ...none, id, kind, endpoint: null }
  }
}
