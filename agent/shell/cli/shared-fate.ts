// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net'
import type { PathStatus } from '../../core/status.ts'

/** What may fail for two paths at once: what both cross, or where both leave for. */
export type SharedPart = 'family' | 'address' | 'hub' | 'server'

/** What a backup has in common with the path that carries traffic; nothing is best. In the order of the type. */
export function sharedParts(active: PathStatus, backup: PathStatus): SharedPart[] {
  const [one, other] = [addressOf(active), addressOf(backup)]
  const common = over(active).filter((one) => over(backup).includes(one))
  const shared: SharedPart[] = []
  if (one !== undefined && other !== undefined && isIPv6(one) === isIPv6(other))
    shared.push('family')
  // Two paths over one hub leave for its address anyway.
  if (common.length === 0 && one !== undefined && one === other) shared.push('address')
  for (const part of ['hub', 'server'] as const)
    if (common.some((name) => name.startsWith(`${part} `))) shared.push(part)
  return shared
}

/** The IP address that packets leave for. */
function addressOf({ endpoint }: PathStatus): string | undefined {
  return endpoint?.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
}

function over({ kind, via, hubServer }: PathStatus): string[] {
  const crossed = (via?.split(', ') ?? []).map(
    (name) => `${kind === 'turn' ? 'server' : 'hub'} ${name}`,
  )
  return hubServer === null ? crossed : [...crossed, `server ${hubServer}`]
}
