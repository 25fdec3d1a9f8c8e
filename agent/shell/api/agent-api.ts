// SPDX-License-Identifier: Apache-2.0
import type { Policy } from '../../../topology/policy.ts'
import type { EventEntry } from '../../core/event-log.ts'
import type { AdminDesk } from '../authority/admin-desk.ts'
import type { Sample } from '../telemetry/sample-history.ts'
import type { HubReport } from '../draining.ts'
import type { FullNetcheck } from '../../core/netcheck.ts'
import type { PathStatus, Status, Why } from '../../core/status.ts'

/** One round trip inside the session, and the path that it took. */
export interface PingReply {
  readonly rttMs: number
  readonly path: PathStatus
}

/** Keys of the configuration file that differ from before. */
export interface Reloaded {
  readonly changed: readonly string[]
  /** Those among them that only a restart takes up. */
  readonly restart: readonly string[]
}

export type PingFault = 'no-such-peer' | 'no-reply' | 'no-helper'

export type PingOutcome =
  | { readonly ok: true; readonly reply: PingReply }
  | { readonly ok: false; readonly fault: PingFault; readonly message: string }

export type RotationOutcome =
  | { readonly ok: true; readonly nodeId: string; readonly serial: number }
  | { readonly ok: false; readonly message: string }

/** What `meshgate dashboard --json` prints. */
export interface PageLink {
  /** Works once. */
  readonly url: string
  readonly validS: number
}

export interface Left {
  /** Whether a member has heard of it. */
  readonly toldOthers: boolean
}

/** What a running agent does for the local API. Plain data in, plain data out. */
export interface AgentApi {
  status(): Promise<Status>
  /** What the node wants of its helper, with reasons. */
  plan(): Promise<unknown>
  /** `refresh`: ask the STUN servers anew. */
  netcheck(options: { readonly refresh: boolean }): Promise<FullNetcheck>
  /** `peer`: a name, a node id or a mesh address. */
  ping(peer: string): Promise<PingOutcome>
  /** Why a peer is reached as it is; undefined if no member is called that. */
  why(peer: string): Promise<Why | undefined>
  /** What happened lately, oldest first; bounded by the agent. */
  events(): Promise<readonly EventEntry[]>
  /** What happened lately, and then what happens, until the caller hangs up. */
  followEvents(gone: AbortSignal): AsyncGenerator<EventEntry>
  /** For Prometheus, in its text format. */
  metrics(): Promise<string>
  /** The last ten minutes of a peer, oldest first; undefined if no member is called that. */
  history(peer: string): Promise<readonly Sample[] | undefined>
  /** Reads the configuration file again. Throws Failure `bad-config`, and then nothing has changed. */
  reload(): Promise<Reloaded>
  /** Tells others to leave this hub, or that they may use it again. */
  drain(draining: boolean): Promise<HubReport>
  /** Who uses this hub. */
  hub(): Promise<HubReport>
  /** Who may reach whom; null: members reach members. */
  policy(): Promise<{ readonly policy: Policy | null }>
  /** Tells the members what the authority says; false if it is not the authority's word. */
  announce(notice: Uint8Array): Promise<boolean>
  /** Tokens and members. Throws Failure `no-authority` where the network's key is not. */
  desk(): AdminDesk
  /** A link to the page, which works once. Throws Failure `page-off` where there is none. */
  dashboard(): Promise<PageLink>
  /** Goes on under new keys; the session layer comes back under them within moments. */
  rotate(): Promise<RotationOutcome>
  /** Says goodbye to the peers, takes the device down, forgets the membership, then stops. */
  leave(): Promise<Left>
  /** Stops the agent. `helper`: that is stopped next, and others move away before; else it keeps the tunnels. */
  stop(options: { readonly helper: boolean }): Promise<void>
}
