// SPDX-License-Identifier: Apache-2.0
/**
 * Who a node is. Keys are kept as lower-case hex strings: comparable, sortable, usable as map keys.
 */

declare const nodeIdBrand: unique symbol
declare const networkIdBrand: unique symbol
declare const x25519Brand: unique symbol

/** A node's Ed25519 public key, 64 hex digits. Also its libp2p identity. */
export type NodeId = string & { readonly [nodeIdBrand]: true }

/** The first 16 bytes of SHA-256 over the authority's public key, 32 hex digits. */
export type NetworkId = string & { readonly [networkIdBrand]: true }

/** An X25519 public key (WireGuard's or the probes'), 64 hex digits. */
export type X25519Key = string & { readonly [x25519Brand]: true }
