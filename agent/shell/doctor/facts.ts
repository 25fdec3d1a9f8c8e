// SPDX-License-Identifier: Apache-2.0
import type { Netcheck } from '../../core/netcheck.ts'
import type { Status } from '../../core/status.ts'

/** All that a diagnosis is made from, gathered beforehand. */
export interface Facts {
  readonly now: number
  readonly paths: {
    readonly config: string
    readonly state: string
    readonly run: string
  }
  readonly hasConfig: boolean
  /** What is wrong with the configuration file; undefined if nothing. */
  readonly configProblem: string | undefined
  readonly state: StateFacts
  /** The agent's answer, or why there is none. */
  readonly agent:
    | { readonly ok: true; readonly status: Status; readonly netcheck: Netcheck }
    | { readonly ok: false; readonly code: string; readonly message: string }
  readonly services: 'none' | 'enabled' | 'not-enabled'
  readonly hasTunDevice: boolean
  readonly hasIpv6: boolean
  /** IPv4 and IPv6 prefixes that this host routes elsewhere than into the mesh, with their interface. */
  readonly routes: readonly { readonly prefix: string; readonly interface: string }[]
  readonly version: string
}

export interface StateFacts {
  /** Undefined: it could not be looked at, because of `problem`. */
  readonly network: { readonly ipv4Prefix: string; readonly ipv6Prefix: string } | undefined
  readonly certificate: { readonly notBefore: number; readonly notAfter: number } | undefined
  readonly problem: { readonly message: string; readonly remedy: string } | undefined
  readonly isMember: boolean
  readonly isWritable: boolean
  readonly freeBytes: number
}
