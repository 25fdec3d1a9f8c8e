// SPDX-License-Identifier: Apache-2.0
/** The root's key as a file (key-file.ts), to be kept where no network is. */
import { sameBytes } from '../../../topology/canonical-cbor.ts'
import { Failure } from '../failure.ts'
import { signerOf } from '../node-crypto.ts'
import { type NetworkKey, readKeyFile, writeKeyFile } from './key-file.ts'

const FORMAT = 'meshgate root key'

/** Throws StateFault. */
export function writeRootFile(path: string, key: NetworkKey): void {
  writeKeyFile(path, FORMAT, key)
}

/** Throws Failure `bad-root`, or StateFault if the file cannot be read. */
export function readRootFile(path: string): NetworkKey {
  const root = readKeyFile(path, FORMAT, {})
  if (root !== undefined && sameBytes(signerOf(root.seed).publicKey, root.network.authorityKey))
    return { seed: root.seed, network: root.network }
  throw new Failure('bad-root', `${path} does not hold the root key of a network`, {
    remedy: 'give the file that `meshgate authority detach` wrote',
  })
}
