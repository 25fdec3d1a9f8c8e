// SPDX-License-Identifier: Apache-2.0
/** What two hosts know of what lies between them: the ground of every explanation. */
import type { TransportAddress } from '../address.ts'
import type { NatBehaviour } from '../behaviour.ts'
import type { Candidate } from '../candidate.ts'
import type { Check } from '../checklist.ts'
import type { PathKind } from '../path-kind.ts'
import type { SearchFacts } from './search-facts.ts'

export interface HostFacts {
  readonly name: string
  readonly nat: NatBehaviour
  /** As the host names them in its record. */
  readonly candidates: readonly Candidate[]
  /** The host's one UDP port, if it is known. */
  readonly port: number | undefined
}

/** What carries the traffic. */
export type PathInUse =
  /** `isPunched`: it leaves from a socket of its own. */
  | { readonly kind: 'direct'; readonly endpoint: string; readonly isPunched: boolean }
  | {
      readonly kind: Exclude<PathKind, 'direct'>
      /** Over whom, by name. */
      readonly via: string
      /** The TURN server over which this host reaches the hub, if it needs one. */
      readonly hubServer?: string
      readonly rttMs: number | undefined
    }
  | { readonly kind: 'none' }

export interface TurnFacts {
  readonly id: string
  readonly isUp: boolean
  /** What keeps it from working, for a person; undefined while it works or was not tried yet. */
  readonly trouble: string | undefined
}

export interface PairFacts {
  readonly own: HostFacts
  readonly peer: HostFacts
  readonly path: PathInUse
  /** The peer's own addresses that this host has tried, or is trying; not what TURN servers gave it. */
  readonly checks: readonly Pick<Check, 'address' | 'kind' | 'state'>[]
  /** Where the peer has answered this host itself, and the helper is about to find out whether that carries. */
  readonly onTrial: TransportAddress | undefined
  /** Whether this round of checks is over: nothing is asked until the next one. */
  readonly isResting: boolean
  /** A path answers probes, and of the packets sent over it none arrives. */
  readonly carriesNothing: boolean
  /** TURN servers of this host's configuration. */
  readonly turn: readonly TurnFacts[]
  /** Hubs to which this host has a direct path. */
  readonly hubs: number
  readonly search: SearchFacts
}

/** Whether each destination sees another port of this host, so that nobody can be told where to send. */
export function isHard({ nat }: HostFacts): boolean {
  return nat.mapping === 'address-dependent' || nat.mapping === 'address-and-port-dependent'
}

/** Where servers on the internet saw the host. */
export function mappedAddresses({ candidates }: HostFacts): TransportAddress[] {
  return candidates.flatMap(({ kind, address }) => (kind === 'server-reflexive' ? [address] : []))
}
