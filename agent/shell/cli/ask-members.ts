// SPDX-License-Identifier: Apache-2.0
import type { Token } from '../../../topology/token.ts'
import { Failure } from '../failure.ts'
import type { JoinFault } from '../underlay/join-frame.ts'
import { askToJoin } from '../underlay/join-protocol.ts'
import { peerIdOf } from '../underlay/underlay-node.ts'

/** An address that drops packets must not use up the patience for those that answer. */
const DEADLINE_MS = 12_000

export interface AskMembersOptions {
  readonly token: Token
  readonly seed: Uint8Array
  readonly request: Uint8Array
  onProgress(line: string): void
}

/** Knocks at the token's members in turn until one brings an authority's reply. */
export async function askMembers(options: AskMembersOptions): Promise<Uint8Array> {
  const { token, seed, request } = options
  const tried: { readonly address: string; readonly fault: JoinFault }[] = []
  for (const { nodeId, dialAddresses } of token.bootstrap) {
    for (const address of dialAddresses) {
      options.onProgress(`asking ${address}`)
      const bootstrap = `${address}/p2p/${peerIdOf(nodeId).toString()}`
      const { presharedKey } = token
      const deadlineMs = DEADLINE_MS
      const reply = await askToJoin({ seed, presharedKey, bootstrap, request, deadlineMs })
      if (reply.ok) return reply.value
      tried.push({ address, fault: reply.error })
      options.onProgress(`  ${SENTENCES[reply.error]}`)
    }
  }
  throw failureOf(tried)
}

const SENTENCES: Readonly<Record<JoinFault, string>> = {
  unreachable: 'no answer',
  'no-authority': 'answers, but reaches no host that may admit others',
  busy: 'answers, but is busy',
  timeout: 'answers, but not in time',
  'refused-by-peer': 'hung up',
  malformed: 'answers what cannot be understood',
}

function failureOf(tried: readonly { address: string; fault: JoinFault }[]): Failure {
  const list = tried.map(({ address, fault }) => `${address} (${SENTENCES[fault]})`).join(', ')
  const faults = new Set(tried.map(({ fault }) => fault))
  if (faults.has('no-authority'))
    return new Failure('no-authority', `nobody who may admit hosts could be asked: ${list}`, {
      remedy: 'start the agent on the host that made the network, and try again',
    })
  if (faults.has('busy'))
    return new Failure('busy', `the network is busy: ${list}`, { remedy: 'try again in a minute' })
  return new Failure(
    'unreachable',
    `no member could be reached: ${list || 'the token names none'}`,
    {
      remedy:
        'check that an agent runs there and that a firewall lets TCP through to it; or make a token with --bootstrap ADDRESS',
    },
  )
}
