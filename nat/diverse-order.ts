// SPDX-License-Identifier: Apache-2.0
/** A backup is worth most if what kills the first path spares it: another address family, another address, another socket. */
import { addressParts } from './address.ts'
import type { DirectWay } from './direct-way.ts'

/**
 * The first way stays first; behind it come those that share least with the ones before them, in the given order among
 * equals.
 */
export function diverseOrder<W extends DirectWay>(ways: readonly W[]): W[] {
  const rest = [...ways]
  const chosen = rest.splice(0, 1)
  while (rest.length > 0) {
    const shared = rest.map((way) => Math.max(...chosen.map((other) => likeness(way, other))))
    const [next] = rest.splice(shared.indexOf(Math.min(...shared)), 1)
    if (next !== undefined) chosen.push(next)
  }
  return chosen
}

/** How much of what may fail two ways share. */
function likeness(a: DirectWay, b: DirectWay): number {
  const [partsA, partsB] = [addressParts(a.endpoint), addressParts(b.endpoint)]
  return (
    4 * Number(a.source === b.source) +
    2 * Number(partsA.family === partsB.family) +
    Number(partsA.ip === partsB.ip) +
    Number(a.socket === b.socket)
  )
}
