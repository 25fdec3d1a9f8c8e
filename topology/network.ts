// SPDX-License-Identifier: Apache-2.0
import type { NetworkId } from './identity.ts'

/** What every member knows of its network; handed out with the first certificate. */
export interface Network {
  readonly id: NetworkId
  readonly name: string
  /** Ed25519 public key, 32 bytes. The id is derived from it, so a network certifies itself. */
  readonly authorityKey: Uint8Array
  /** Canonical CIDR, by default a random 10.x.0.0/16. */
  readonly ipv4Prefix: string
  /** fd00::/8 + 40 bits of the id: a /48 (RFC 4193). */
  readonly ipv6Prefix: string
  /** libp2p's private-network key, 32 bytes: keeps strangers' scans out, no security boundary. */
  readonly presharedKey: Uint8Array
}
