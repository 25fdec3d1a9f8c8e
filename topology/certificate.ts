// SPDX-License-Identifier: Apache-2.0
import type { WallTime } from '../nat/clock.ts'
import type { NetworkId, NodeId, X25519Key } from './identity.ts'

/**
 * The authority's signed statement: this node key, these session keys, this name, these addresses,
 * these tags, these prefixes, this lifetime.
 */
export interface Certificate {
  readonly network: NetworkId
  /** Grows with every certificate of the network: of two of one node's, the higher serial counts. */
  readonly serial: number
  readonly node: NodeId
  readonly wireguardKey: X25519Key
  readonly probeKey: X25519Key
  /** A DNS label: 1 to 63 of a-z, 0-9 and inner hyphens. */
  readonly name: string
  /** Mesh addresses without prefix length, canonical text. */
  readonly ipv4: string
  readonly ipv6: string
  readonly tags: readonly string[]
  /** Prefixes outside the mesh that the node may forward, canonical CIDR. */
  readonly prefixes: readonly string[]
  /** Whether the node may forward others' ciphertext. */
  readonly hub: boolean
  /** Whether the node may answer join requests with the authority's key. */
  readonly authority: boolean
  readonly notBefore: WallTime
  readonly notAfter: WallTime
}

/** Tolerated when two hosts' clocks differ and something seems to be made in the future. */
export const CLOCK_SKEW_MS = 5 * 60_000

/** Long enough that an authority may be switched off for two weeks, as hosts renew at half-life. */
export const CERTIFICATE_LIFETIME_MS = 30 * 86_400_000

/** At half of the lifetime: the other half is the time in which the authority may be away. */
export function isRenewalDue(
  certificate: Pick<Certificate, 'notBefore' | 'notAfter'>,
  now: WallTime,
): boolean {
  return now >= halfLifeOf(certificate)
}

export function halfLifeOf({
  notBefore,
  notAfter,
}: Pick<Certificate, 'notBefore' | 'notAfter'>): WallTime {
  return (notBefore + (notAfter - notBefore) / 2) as WallTime
}

/** With as many tags and prefixes of full length a certificate still fits its 2 KiB. */
export const TAGS_MAX = 12
export const PREFIXES_MAX = 16
export const SERIAL_MAX = Number.MAX_SAFE_INTEGER
