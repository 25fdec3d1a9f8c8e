// SPDX-License-Identifier: Apache-2.0
import { toHex } from '../../../nat/hex.ts'
import type { Signer } from '../../../topology/crypto.ts'
import { type Delegation, verifyDelegation } from '../../../topology/delegation.ts'
import type { Network } from '../../../topology/network.ts'
import { Failure } from '../failure.ts'
import { nodeCrypto, signerOf } from '../node-crypto.ts'
import type { AuthorityKey } from '../state/state-dir.ts'

/** Signs as the root, or under the delegation that the key has. Throws Failure `bad-delegation`. */
export function authoritySigner(key: AuthorityKey, network: Network): Signer {
  const signer = signerOf(key.seed)
  const bytes = key.delegation
  if (bytes === undefined) return signer
  const { notAfter } = checkedDelegation(bytes, signer.publicKey, network)
  return { ...signer, delegation: { bytes, notAfter } }
}

/** The root's word for this very key. Throws Failure `bad-delegation`. */
export function checkedDelegation(
  bytes: Uint8Array,
  publicKey: Uint8Array,
  network: Network,
): Delegation {
  const delegation = verifyDelegation(bytes, network, nodeCrypto)
  if (delegation.ok && delegation.value.key === toHex(publicKey)) return delegation.value
  const problem = delegation.ok ? 'is for another key' : `is ${delegation.error}`
  throw new Failure('bad-delegation', `the delegation ${problem}`, {
    remedy: 'run `meshgate authority delegate` for the key that `meshgate authority status` shows',
  })
}
