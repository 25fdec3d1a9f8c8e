// SPDX-License-Identifier: Apache-2.0
/** Lists of signed messages that a host has heard, kept for its next start. Others will say them again, so a list that cannot be read is an empty one. */
import { decodeCanonical, encodeCanonical } from '../../../topology/canonical-cbor.ts'
import { readBounded, writeAtomic, writeCache } from './atomic-file.ts'

const OWNER_ONLY = 0o600

/** Unverified. Never throws. */
export function readList(path: string, bytesMax: number): Uint8Array[] {
  try {
    const stored = readBounded(path, bytesMax)
    const list = stored === undefined ? undefined : decodeCanonical(stored.bytes, bytesMax)
    if (list === undefined || !list.ok || !Array.isArray(list.value)) return []
    return list.value.filter((item) => item instanceof Uint8Array)
  } catch {
    return []
  }
}

/** On the disk when it returns. Throws StateFault 'io'. */
export function saveList(path: string, list: readonly Uint8Array[]): void {
  writeAtomic(path, encodeCanonical(list), OWNER_ONLY)
}

/** Waits for no disk: for what changes often, and may be lost when the power fails. Throws StateFault 'io'. */
export function saveCachedList(path: string, list: readonly Uint8Array[]): void {
  writeCache(path, encodeCanonical(list), OWNER_ONLY)
}
