// SPDX-License-Identifier: Apache-2.0
/**
 * The primitives of topology/crypto.ts over node:crypto. Raw keys of 32 bytes go in and out; the DER
 * around them never varies (RFC 8410), so it is put on and taken off as a constant.
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import type { Crypto, Signer } from '../../topology/crypto.ts'

const RAW_KEY_BYTES = 32
const ED25519_SEED_DER = Buffer.from('302e020100300506032b657004220420', 'hex')
const ED25519_PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex')
const X25519_PRIVATE_DER = Buffer.from('302e020100300506032b656e04220420', 'hex')

export const nodeCrypto: Crypto = {
  hash: (data) => plain(createHash('sha256').update(data).digest()),
  mac: (key, data) => plain(createHmac('sha256', key).update(data).digest()),
  verify: verifyEd25519,
  randomBytes: (length) => plain(randomBytes(length)),
}

/** 32 bytes from which an Ed25519 key follows. */
export function generateSeed(): Uint8Array {
  return plain(randomBytes(RAW_KEY_BYTES))
}

/** `seed`: 32 bytes (RFC 8032 section 5.1.5). */
export function signerOf(seed: Uint8Array): Signer {
  const key = privateKey(ED25519_SEED_DER, seed)
  const publicKey = rawPublicKey(key)
  return { publicKey, sign: (message) => plain(sign(null, message, key)) }
}

export interface X25519KeyPair {
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** The private key is clamped (RFC 7748 section 5), as `wg genkey` prints it. */
export function generateX25519(): X25519KeyPair {
  const privateKey = plain(randomBytes(RAW_KEY_BYTES))
  privateKey[0]! &= 248
  privateKey[31] = (privateKey[31]! & 127) | 64
  return { privateKey, publicKey: x25519PublicKey(privateKey) }
}

export function x25519PublicKey(privateBytes: Uint8Array): Uint8Array {
  return rawPublicKey(privateKey(X25519_PRIVATE_DER, privateBytes))
}

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== RAW_KEY_BYTES) return false
  try {
    const key = createPublicKey({
      key: Buffer.concat([ED25519_PUBLIC_DER, publicKey]),
      format: 'der',
      type: 'spki',
    })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}

function privateKey(der: Uint8Array, raw: Uint8Array): KeyObject {
  if (raw.length !== RAW_KEY_BYTES) throw new RangeError('a private key has 32 bytes')
  return createPrivateKey({ key: Buffer.concat([der, raw]), format: 'der', type: 'pkcs8' })
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return plain(der.subarray(der.length - RAW_KEY_BYTES))
}

/** A copy of its own: a Buffer may be a window on a pool that others write to. */
function plain(buffer: Buffer): Uint8Array {
  return Uint8Array.from(buffer)
}
