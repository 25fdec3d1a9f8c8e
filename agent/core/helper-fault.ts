// SPDX-License-Identifier: Apache-2.0
/** Why the helper said no, word for word as in native/PROTOCOL.md. */

/** One bad field of a refused document; `value` never holds a private key. */
export interface FieldProblem {
  readonly field: string
  readonly value: unknown
  readonly problem: string
  readonly remedy: string
}

/** In the protocol's own codes. */
export type HelperFault =
  | {
      readonly kind: 'refused'
      readonly message: string
      readonly problems: readonly FieldProblem[]
    }
  | {
      readonly kind: 'system'
      readonly message: string
      readonly reason: HelperSystemReason
      readonly remedy: string
    }
  | { readonly kind: 'too-many'; readonly message: string }
  | { readonly kind: 'no-reply'; readonly message: string }
  /** `mtu`: the largest IP packet that the path's first hop carries whole. */
  | { readonly kind: 'too-large'; readonly message: string; readonly mtu: number }
  | { readonly kind: 'no-such-peer'; readonly message: string }
  /** A version that we do not speak, or a message that one side finds malformed. */
  | { readonly kind: 'protocol'; readonly message: string; readonly code: number }
  /** No connection to the helper, or it went before it answered. */
  | { readonly kind: 'disconnected'; readonly message: string }

export type HelperSystemReason =
  | 'tun-missing'
  | 'not-permitted'
  | 'port-taken'
  | 'name-taken'
  | 'system'
