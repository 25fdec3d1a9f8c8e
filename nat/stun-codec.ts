// SPDX-License-Identifier: Apache-2.0
import type { TransportAddress } from './address.ts'
import type { Result } from './result.ts'

/** A STUN message as far as NAT discovery needs it (RFC 8489, RFC 5780). */
export interface StunMessage {
  readonly type: 'binding-success' | 'binding-error' | 'other'
  /** 24 hex digits. */
  readonly transaction: string
  /** XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of a server of old. */
  readonly mapped?: TransportAddress
  readonly otherAddress?: TransportAddress
  readonly responseOrigin?: TransportAddress
  readonly errorCode?: number
}

export type StunFault = 'not-stun' | 'malformed' | 'bad-fingerprint'

/** From where and to where the server should answer instead (RFC 5780 sections 7.2 and 7.5). */
export interface BindingOptions {
  /** Answer to this port of the requester. */
  readonly responsePort?: number
  /** Answer from the server's other address, or port, or both. */
  readonly changeAddress?: boolean
  readonly changePort?: boolean
}

/** Handed in by the shell: the pure folders encode and decode no STUN of their own. */
export interface StunCodec {
  /** A Binding request with FINGERPRINT. `transaction`: 24 hex digits. */
  encodeBindingRequest(transaction: string, options?: BindingOptions): Uint8Array
  /** Never throws. */
  decode(bytes: Uint8Array): Result<StunMessage, StunFault>
}
