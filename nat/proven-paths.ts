// SPDX-License-Identifier: Apache-2.0
/** The paths to one peer that have been proven, and in which order they are wanted. */
import type { TransportAddress } from './address.ts'
import type { Checklist } from './checklist.ts'
import type { Instant } from './clock.ts'
import { PATHS_PER_PEER_MAX } from './constants.ts'
import { type DirectWay, wayKey } from './direct-way.ts'
import { diverseOrder } from './diverse-order.ts'
import { comparePaths, orderPaths } from './path-score.ts'

/** A path on which a probe went there and its answer came back. */
export interface ProvenPath extends DirectWay {
  up: boolean
  rttMs: number | undefined
  lossPermille: number
  readonly provenAt: Instant
  downSince: Instant | undefined
  /** The peer named this address once and does so no more: whether it still leads there is not known. */
  isWithdrawn: boolean
  /** Whether the helper has had an answer over it as well: only then can it carry anything. Undefined until it said. */
  isTaken: boolean | undefined
}

/** What is proven of one peer. */
export interface ProvenPaths {
  readonly checklist: Checklist
  /** By `wayKey`. */
  readonly proven: Map<string, ProvenPath>
  /** The key of the path that is first in the order; traffic leaves it only for a clearly better one. */
  incumbent: string | undefined
}

/** Paths that lead straight to the peer. */
export function directPaths(paths: ProvenPaths): ProvenPath[] {
  return [...paths.proven.values()].filter((path) => !isRelayed(paths, path.endpoint))
}

/** Paths to what a TURN server gave to the peer: checked like any other, and wanted like one over TURN. Best first. */
export function relayedPaths(paths: ProvenPaths): ProvenPath[] {
  const relayed = [...paths.proven.values()].filter((path) => isRelayed(paths, path.endpoint))
  return relayed.sort(comparePaths)
}

/** Whether the endpoint is what a TURN server gave to the peer. */
export function isRelayed({ checklist }: ProvenPaths, endpoint: TransportAddress): boolean {
  return checklist.get(endpoint)?.kind === 'relayed'
}

/** The direct paths to arm: the most wanted first, and behind it such as it has least in common with. */
export function armedPaths(paths: ProvenPaths): ProvenPath[] {
  const ordered = orderPaths(directPaths(paths), paths.incumbent).toSorted(byStanding)
  paths.incumbent = ordered[0] && wayKey(ordered[0])
  if (ordered.length > 2) {
    const standing = ordered.filter(({ up, isWithdrawn }) => up && !isWithdrawn)
    ordered.splice(0, standing.length, ...diverseOrder(standing))
  }
  return ordered.slice(0, PATHS_PER_PEER_MAX)
}

/** A path that is up where the peer says it is comes before all others. The rest stays in order. */
function byStanding(a: ProvenPath, b: ProvenPath): number {
  return Number(b.up && !b.isWithdrawn) - Number(a.up && !a.isWithdrawn)
}

export function isDirect(paths: ProvenPaths): boolean {
  for (const { endpoint, up } of paths.proven.values())
    if (up && !isRelayed(paths, endpoint)) return true
  return false
}
