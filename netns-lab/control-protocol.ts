// SPDX-License-Identifier: Apache-2.0
import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import type {
  Impairment,
  NatChange,
  HostChange,
  InternetChange,
  LinkChange,
} from './description.ts'
import type { Cut, LabPlan } from './lab-plan.ts'
import type { NatKindName } from './nat-kinds.ts'
import type { ServiceChange } from './service-description.ts'
import type { WireStatistics } from './wire-emulator.ts'

/** What the driver writes to the daemon's standard input as its first line. */
export interface StartRequest {
  readonly plan: LabPlan
  readonly stateDir: string
  readonly outerProc: string
  /** undefined where no link is emulated. */
  readonly wireProgram?: string | undefined
}

/** What the daemon answers on standard output, once. */
export type StartAnswer =
  | { readonly ok: true; readonly nodes: readonly StartedNode[] }
  | { readonly ok: false; readonly error: string }

export interface StartedNode {
  readonly name: string
  /** The node's holder as seen outside the lab; nsenter's target. */
  readonly outerPid: number
}

/** The second line on the daemon's standard input, after which the lab outlives its driver. */
export const detachWord = 'detach'

/** One request a connection on the control socket, as one line of JSON. */
export type ControlRequest =
  | { readonly op: 'status' }
  | { readonly op: 'set-link'; readonly link: string; readonly change: LinkChange }
  | { readonly op: 'set-nat'; readonly nat: string; readonly change: NatChange }
  | { readonly op: 'set-host'; readonly host: string; readonly change: HostChange }
  | { readonly op: 'set-internet'; readonly change: InternetChange }
  | { readonly op: 'set-service'; readonly service: string; readonly change: ServiceChange }
  | { readonly op: 'stop' }

export type ControlAnswer =
  | { readonly ok: true; readonly status?: LabStatus }
  | { readonly ok: false; readonly error: string }

export interface LabStatus {
  readonly name: string
  readonly stateDir: string
  readonly internet: { readonly cuts: readonly Cut[] }
  readonly hosts: readonly {
    name: string
    addresses: readonly string[]
    behind: string
    firewall: boolean
  }[]
  readonly nats: readonly {
    name: string
    kind: NatKindName
    address: string
    lan: string
    behind: string
    hairpin: string
    mappingLifetimeS: number | undefined
    /** Protocols, or `nonsense`. */
    portMapping: readonly string[]
  }[]
  readonly links: readonly {
    name: string
    node: string
    upstream: string
    unplugged: boolean
    mtu: number
    mtuBlackhole: boolean
    out: Impairment
    in: Impairment
    frames: { out: WireStatistics; in: WireStatistics } | undefined
  }[]
  readonly services: readonly { name: string; on: string; state: string }[]
}

/** The slowest request starts a service again. */
const answerDeadlineMs = 20_000

export function controlSocket(stateDir: string): string {
  return `${stateDir}/control.sock`
}

/** Asks a running lab. Throws with the daemon's words if it refuses, or the socket's error if no lab is there. */
export async function askLab(
  stateDir: string,
  request: ControlRequest,
): Promise<LabStatus | undefined> {
  const socket = createConnection(controlSocket(stateDir))
  socket.setTimeout(answerDeadlineMs, () => {
    socket.destroy(new Error(`the lab daemon did not answer within ${answerDeadlineMs} ms`))
  })
  socket.write(`${JSON.stringify(request)}\n`)
  const answer = JSON.parse(await text(socket)) as ControlAnswer
  if (!answer.ok) throw new Error(answer.error)
  return answer.status
}
