// SPDX-License-Identifier: Apache-2.0
/**
 * Who a node is. Keys are kept as lower-case hex strings: comparable, sortable, usable as map keys.
 */
import { fromHex, toHex } from '../nat/hex.ts'
import { err, ok, type Result } from '../nat/result.ts'
import type { Crypto } from './crypto.ts'

declare const nodeIdBrand: unique symbol
declare const networkIdBrand: unique symbol
declare const x25519Brand: unique symbol

/** A node's Ed25519 public key, 64 hex digits. Also its libp2p identity. */
export type NodeId = string & { readonly [nodeIdBrand]: true }

/** The first 16 bytes of SHA-256 over the authority's public key, 32 hex digits. */
export type NetworkId = string & { readonly [networkIdBrand]: true }

/** An X25519 public key (WireGuard's or the probes'), 64 hex digits. */
export type X25519Key = string & { readonly [x25519Brand]: true }

export const KEY_BYTES = 32
export const NETWORK_ID_BYTES = 16

export function parseNodeId(text: string): Result<NodeId, 'malformed-id'> {
  return isHexOf(text, KEY_BYTES) ? ok(text as NodeId) : err('malformed-id')
}

export function parseNetworkId(text: string): Result<NetworkId, 'malformed-id'> {
  return isHexOf(text, NETWORK_ID_BYTES) ? ok(text as NetworkId) : err('malformed-id')
}

export function parseX25519Key(text: string): Result<X25519Key, 'malformed-key'> {
  return isHexOf(text, KEY_BYTES) ? ok(text as X25519Key) : err('malformed-key')
}

/** `publicKey`: 32 bytes; any other length is a programming error. */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  return toHex(ofLength(publicKey, KEY_BYTES)) as NodeId
}

/** `publicKey`: 32 bytes; any other length is a programming error. */
export function x25519KeyOf(publicKey: Uint8Array): X25519Key {
  return toHex(ofLength(publicKey, KEY_BYTES)) as X25519Key
}

/** A network's id follows from its authority key, so whoever knows the id can check the key. */
export function networkIdOf(authorityKey: Uint8Array, crypto: Pick<Crypto, 'hash'>): NetworkId {
  const digest = crypto.hash(ofLength(authorityKey, KEY_BYTES))
  return toHex(digest.subarray(0, NETWORK_ID_BYTES)) as NetworkId
}

/** The 32 or 16 bytes behind an id or a key. */
export function idBytes(id: NodeId | NetworkId | X25519Key): Uint8Array {
  const bytes = fromHex(id)
  if (bytes === undefined) throw new TypeError('a branded id is hex')
  return bytes
}

function isHexOf(text: string, length: number): boolean {
  return text.length === 2 * length && fromHex(text) !== undefined
}

function ofLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`${length} bytes expected, not ${bytes.length}`)
  return bytes
}
