// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from '../../../nat/address.ts'
import { mappingObservations, type StunClient } from '../../../nat/stun-client.ts'

/** What STUN servers see of packets from each of our spare addresses; see ../uplinks.ts. */
export type Uplinks = Map<string, StunClient>

/** Where this host is seen over its spare uplinks: of each, what the first server says. */
export function mappingsOf(uplinks: Uplinks): TransportAddress[] {
  return [...uplinks.values()].flatMap((client) => {
    const first = mappingObservations(client)[0]
    return first === undefined ? [] : [first.mapped]
  })
}
