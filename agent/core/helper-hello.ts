// SPDX-License-Identifier: Apache-2.0
/** What the helper says of itself when it is met, word for word as in native/PROTOCOL.md. */

export type HelperEngine = 'kernel' | 'userspace'

export interface HelperHello {
  readonly protocol: number
  readonly helper: string
  readonly engine: HelperEngine
  readonly engineReason: string
  /** Changes with each start of the helper: tells a reconnection from a restart. */
  readonly instance: string
  /** What it knows beyond the first helpers of this protocol, by the protocol's names. A newer helper may know more. */
  readonly features: readonly string[]
}

/** Those that this agent makes use of. */
export type HelperFeature = 'late-answers' | 'search-transaction'
