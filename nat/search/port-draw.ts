// SPDX-License-Identifier: Apache-2.0
/** The addresses to which one side of a search sends its probes, in order. */
import { type TransportAddress, transportAddress } from '../address.ts'
import type { Entropy } from '../entropy.ts'
import type { Prospect } from './birthday.ts'
import { PORT_MIN, RUN_AHEAD, RUN_BEHIND } from './constants.ts'

/** At most `prospect.probes`; where it is this side that spreads, the one target. */
export function drawEndpoints(prospect: Prospect, entropy: Entropy): TransportAddress[] {
  const { task, kind, target, addresses, probes } = prospect
  if (task === 'spread') return target === undefined ? [] : [target]
  const ports = () => {
    if (task === 'cross') return crossingPorts(prospect)
    return kind === 'prediction' ? runPorts(prospect) : randomPorts(probes, entropy)
  }
  return ports().flatMap((port, i) => {
    const address = transportAddress(addresses[i % addresses.length]!, port)
    return address.ok ? [address.value] : []
  })
}

/** None twice: a port that did not answer has been tried. */
function randomPorts(count: number, entropy: Entropy): number[] {
  const ports = new Set<number>()
  while (ports.size < count) {
    const bytes = entropy(2 * (count - ports.size))
    for (let i = 0; i < bytes.length; i += 2) {
      const port = (bytes[i]! << 8) | bytes[i + 1]!
      if (port >= PORT_MIN) ports.add(port)
    }
  }
  return [...ports]
}

/** Those after the last one seen, which is where the sequence is by now; then those before it. */
function runPorts({ seen }: Prospect): number[] {
  const [first, last] = [seen[0]!, seen.at(-1)!]
  const ahead = Array.from({ length: RUN_AHEAD }, (_, i) => last + 1 + i)
  const behind = Array.from({ length: last - first + RUN_BEHIND }, (_, i) => last - 1 - i)
  return [...ahead, ...behind.filter((port) => !seen.includes(port))].filter(isPort)
}

/**
 * From the last one seen on. With one side in steps of one and the other of two there is a moment at which each sends to
 * the port that the other's probe takes then, however far both sequences have gone on since.
 */
function crossingPorts({ seen, stride, probes }: Prospect): number[] {
  const start = seen.at(-1)! + 1
  return Array.from({ length: probes }, (_, i) => start + stride * i).filter(isPort)
}

function isPort(port: number): boolean {
  return port >= PORT_MIN && port <= 65_535
}
