// SPDX-License-Identifier: Apache-2.0
/**
 * Files of mode 0600 that hold a key of the network, for a person to keep elsewhere:
 *
 * ```
 * { "format": "meshgate ...", "version": 1, "content": { "seed": base64, "network": base64, ... } }
 * ```
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import {
  decodeNetwork,
  encodeNetwork,
  type Network,
  NETWORK_BYTES_MAX,
} from '../../../topology/network.ts'
import { nodeCrypto } from '../node-crypto.ts'
import { writeAtomic } from '../state/atomic-file.ts'
import { onFile } from '../state/state-fault.ts'
import { base64Bytes, toBase64 } from '../state/state-file.ts'

const VERSION = 1

export interface NetworkKey {
  readonly seed: Uint8Array
  readonly network: Network
}

const keyShape = { seed: base64Bytes(32), network: base64Bytes(1, NETWORK_BYTES_MAX) }

/** `more`: what else is in the file, as JSON. Throws StateFault. */
export function writeKeyFile(
  path: string,
  format: string,
  { seed, network }: NetworkKey,
  more: object = {},
): void {
  const content = { seed: toBase64(seed), network: toBase64(encodeNetwork(network)), ...more }
  const text = `${JSON.stringify({ format, version: VERSION, content })}\n`
  onFile(path, () => writeAtomic(path, new TextEncoder().encode(text), 0o600))
}

/** `more`: what else must be in the file. Undefined if it is not as it should be; throws StateFault if it cannot be read. */
export function readKeyFile<Shape extends z.ZodRawShape>(
  path: string,
  format: string,
  more: Shape,
): (NetworkKey & { readonly more: z.output<z.ZodObject<Shape>> }) | undefined {
  const marked = z.strictObject({
    format: z.literal(format),
    version: z.literal(VERSION),
    content: z.looseObject(keyShape),
  })
  const text = onFile(path, () => readFileSync(path, 'utf8'))
  const parsed = marked.safeParse(jsonOf(text))
  if (!parsed.success) return undefined
  const { seed, network: bytes, ...rest } = parsed.data.content
  const others = z.strictObject(more).safeParse(rest)
  const network = decodeNetwork(bytes, nodeCrypto)
  if (!others.success || !network.ok) return undefined
  return { seed, network: network.value, more: others.data }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
