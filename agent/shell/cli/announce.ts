// SPDX-License-Identifier: Apache-2.0
import { encodeNotice, type NoticeKind } from '../../../topology/notice.ts'
import { ApiClient } from '../api/api-client.ts'
import { Failure } from '../failure.ts'
import type { CommandContext } from './context.ts'

/** Hands what the authority said to the running agent; false if none runs that could tell the members now. */
export async function announce(
  { runDir }: CommandContext,
  kind: NoticeKind,
  envelope: Uint8Array,
): Promise<boolean> {
  const notice = Buffer.from(encodeNotice(kind, envelope)).toString('base64')
  try {
    await new ApiClient(runDir).post('/v1/notices', { notice })
    return true
  } catch (error) {
    // Another network's agent may run on this host, from another state directory.
    if (error instanceof Failure && ['no-agent', 'bad-request'].includes(error.code)) return false
    throw error
  }
}

export function announcedText(toldMembers: boolean): string {
  return toldMembers
    ? 'the members hear of it now'
    : 'no agent runs here: the members hear of it once it does'
}
