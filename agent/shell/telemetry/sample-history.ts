// SPDX-License-Identifier: Apache-2.0
/** The last minutes of each peer's figures, for curves and quantiles: a ring a peer, of bounded size. */
import type { PeerStatus } from '../../core/status.ts'

export const SAMPLE_MS = 2_000
/** Ten minutes. */
export const SAMPLES_MAX = 300
const PEERS_MAX = 1_000

export interface Sample {
  readonly rttMs: number | null
  readonly lossPct: number | null
  readonly rxBytes: number
  readonly txBytes: number
  readonly kind: string
}

export class SampleHistory {
  readonly #samples = new Map<string, Sample[]>()

  /** Called every SAMPLE_MS. Peers that are gone are forgotten. */
  take(peers: readonly PeerStatus[]): void {
    const present = new Set(peers.map(({ nodeId }) => nodeId))
    for (const node of this.#samples.keys()) if (!present.has(node)) this.#samples.delete(node)
    for (const { nodeId, path, sessionRttMs, rxBytes, txBytes } of peers.slice(0, PEERS_MAX)) {
      const ring = this.#samples.get(nodeId) ?? []
      const rttMs = sessionRttMs ?? path.rttMs
      ring.push({ rttMs, lossPct: path.lossPct, rxBytes, txBytes, kind: path.kind })
      if (ring.length > SAMPLES_MAX) ring.shift()
      this.#samples.set(nodeId, ring)
    }
  }

  /** Oldest first. */
  of(nodeId: string): readonly Sample[] {
    return this.#samples.get(nodeId) ?? []
  }
}

/** The value below which `share` of them lie (nearest rank); undefined for none. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}
