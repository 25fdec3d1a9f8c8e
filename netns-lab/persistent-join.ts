// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises'
import type { Member } from './member.ts'

/** Each attempt ends by itself after some seconds at most. */
const ATTEMPTS_MAX = 20
const PAUSE_MS = 500

export interface Admitted {
  readonly nodeId: string
  readonly addresses: readonly string[]
}

export interface JoinOutcome {
  /** Undefined for who is told that there are no uses left. */
  readonly admitted: Admitted | undefined
  /** Codes of the attempts that came to nothing. */
  readonly cutOff: readonly string[]
}

/** Tries as a person would, until the host is in, or is told that the token is used up. */
export async function persistentJoin(
  member: Member,
  token: string,
  name = member.name,
): Promise<JoinOutcome> {
  const cutOff: string[] = []
  while (cutOff.length < ATTEMPTS_MAX) {
    const { code, stdout, stderr } = await member.try(['--json', 'join', token, '--name', name])
    if (code === 0) return { admitted: JSON.parse(stdout) as Admitted, cutOff }
    const fault = (JSON.parse(stderr) as { error: { code: string } }).error.code
    if (fault === 'token-used-up') return { admitted: undefined, cutOff }
    cutOff.push(fault)
    await delay(PAUSE_MS)
  }
  throw new Error(`${name} is neither in nor refused: ${cutOff.join(' ')}`)
}
