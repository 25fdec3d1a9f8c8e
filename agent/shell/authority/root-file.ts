// SPDX-License-Identifier: Apache-2.0
/**
 * The root's key as a file of mode 0600, to be kept where no network is:
 *
 * ```
 * { "format": "meshgate root key", "version": 1, "content": { "seed": base64, "network": base64 } }
 * ```
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { sameBytes } from '../../../topology/canonical-cbor.ts'
import {
  decodeNetwork,
  encodeNetwork,
  type Network,
  NETWORK_BYTES_MAX,
} from '../../../topology/network.ts'
import { Failure } from '../failure.ts'
import { nodeCrypto, signerOf } from '../node-crypto.ts'
import { writeAtomic } from '../state/atomic-file.ts'
import { onFile } from '../state/state-fault.ts'
import { base64Bytes, toBase64 } from '../state/state-file.ts'

const FORMAT = 'meshgate root key'

export interface RootKey {
  readonly seed: Uint8Array
  readonly network: Network
}

const rootSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  content: z.strictObject({
    seed: base64Bytes(32),
    network: base64Bytes(1, NETWORK_BYTES_MAX),
  }),
})

/** Throws StateFault. */
export function writeRootFile(path: string, { seed, network }: RootKey): void {
  const content = { seed: toBase64(seed), network: toBase64(encodeNetwork(network)) }
  const text = `${JSON.stringify({ format: FORMAT, version: 1, content })}\n`
  onFile(path, () => writeAtomic(path, new TextEncoder().encode(text), 0o600))
}

/** Throws Failure `bad-root`, or StateFault if the file cannot be read. */
export function readRootFile(path: string): RootKey {
  const text = onFile(path, () => readFileSync(path, 'utf8'))
  const parsed = rootSchema.safeParse(jsonOf(text))
  const network = parsed.success
    ? decodeNetwork(parsed.data.content.network, nodeCrypto)
    : undefined
  if (parsed.success && network?.ok === true) {
    const { seed } = parsed.data.content
    if (sameBytes(signerOf(seed).publicKey, network.value.authorityKey))
      return { seed, network: network.value }
  }
  throw new Failure('bad-root', `${path} does not hold the root key of a network`, {
    remedy: 'give the file that `meshgate authority detach` wrote',
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
