// SPDX-License-Identifier: Apache-2.0
/**
 * What the agent and its channel process say to each other, over Node's own channel between parent and child (structured
 * clones). The process decides nothing: it holds the data channels that it is told to hold.
 */
import type { ChannelCandidate, IceCredentials } from '../../../topology/signal.ts'

/** A STUN server, or with credentials a TURN server over UDP: the library knows no other transport. */
export interface IceServer {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
}

export type ChannelOrder =
  /** First of all: where the helper is. */
  | { readonly kind: 'start'; readonly helperSocket: string; readonly client: string }
  /** Begin a session. `remote`: the offer that is to be answered; null to make one. */
  | {
      readonly kind: 'open'
      readonly session: string
      /** WireGuard public key, base64. */
      readonly peer: string
      readonly iceServers: readonly IceServer[]
      readonly remote: IceCredentials | null
      readonly candidates: readonly ChannelCandidate[]
    }
  /** The answer to our offer. */
  | { readonly kind: 'answered'; readonly session: string; readonly remote: IceCredentials }
  | {
      readonly kind: 'candidates'
      readonly session: string
      readonly candidates: readonly ChannelCandidate[]
    }
  | { readonly kind: 'close'; readonly session: string }

export type ChannelReport =
  /** Our side of the session, to be signalled: all there is of it after a moment. */
  | {
      readonly kind: 'description'
      readonly session: string
      readonly ice: IceCredentials
      readonly candidates: readonly ChannelCandidate[]
    }
  /** Candidates that were found later. */
  | {
      readonly kind: 'candidates'
      readonly session: string
      readonly candidates: readonly ChannelCandidate[]
    }
  /** The channel stands. `over`: the pair of candidates, for a person. */
  | { readonly kind: 'opened'; readonly session: string; readonly over: string }
  | { readonly kind: 'closed'; readonly session: string; readonly reason: string }
