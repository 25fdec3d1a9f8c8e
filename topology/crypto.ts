// SPDX-License-Identifier: Apache-2.0
/**
 * The primitives that the shell hands in, so that the pure folders import no crypto of their own.
 * All are synchronous: a step never awaits.
 */
import type { WallTime } from '../nat/clock.ts'

export interface Crypto {
  /** SHA-256, 32 bytes. */
  hash(data: Uint8Array): Uint8Array
  /** HMAC-SHA-256, 32 bytes. */
  mac(key: Uint8Array, data: Uint8Array): Uint8Array
  /** Ed25519 (RFC 8032). False for anything malformed; never throws. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** Cryptographically secure in production, seeded in simulation. */
  randomBytes(length: number): Uint8Array
}

/** Signs with one private key that stays in the shell. Returns 64 bytes (Ed25519). */
export interface Signer {
  readonly publicKey: Uint8Array
  /** Of a delegated authority: its right to sign, which goes with all that it signs (delegation.ts), and when that ends. */
  readonly delegation?: { readonly bytes: Uint8Array; readonly notAfter: WallTime } | undefined
  sign(message: Uint8Array): Uint8Array
}
