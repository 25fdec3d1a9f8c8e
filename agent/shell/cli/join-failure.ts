// SPDX-License-Identifier: Apache-2.0
import type { JoinReplyFault, Refusal, RefusalReason } from '../../../topology/join-reply.ts'
import type { TokenFault } from '../../../topology/token.ts'
import { Failure } from '../failure.ts'

const NEW_TOKEN = 'ask for a new one: `meshgate token create`'
const COPY_AGAIN = 'copy it again, as it was printed'

const TOKEN_FAULTS: Readonly<
  Record<TokenFault, readonly [code: string, message: string, remedy: string]>
> = {
  'not-a-token': [
    'not-a-token',
    'this is not a token',
    'give what `meshgate token create` printed',
  ],
  'unsupported-version': [
    'token-unsupported',
    'the token was made by another version of meshgate',
    'run the same version on both hosts',
  ],
  'too-large': ['not-a-token', 'this is too long for a token', COPY_AGAIN],
  truncated: ['token-truncated', 'the token was cut off', COPY_AGAIN],
  malformed: ['token-damaged', 'the token was altered on its way', COPY_AGAIN],
  'bad-signature': [
    'token-forged',
    'the token was not signed by the network that it names',
    'trust nobody who gave it to you, and get one from a host of the network',
  ],
  'not-yet-valid': [
    'token-not-yet-valid',
    'the token is not valid yet by the clock of this host',
    'set the clock of this host',
  ],
  expired: ['token-expired', 'the token has expired', NEW_TOKEN],
}

/** What is wrong with a token that this host was given. */
export function tokenFailure(fault: TokenFault): Failure {
  const [code, message, remedy] = TOKEN_FAULTS[fault]
  return new Failure(code, message, { remedy })
}

const CODES: Readonly<Partial<Record<RefusalReason, string>>> = {
  'token-unknown': 'token-foreign',
  'wrong-network': 'token-foreign',
  'bad-proof': 'token-forged',
}

/** What the authority said: its sentence is a message, a colon and a remedy. */
export function refusalFailure({ reason, sentence }: Refusal): Failure {
  const [message = reason, remedy = ''] = sentence.split(/:\s(.*)/)
  return new Failure(CODES[reason] ?? reason, message, { remedy })
}

/** A reply that came, and is not to be believed. */
export function replyFailure(fault: JoinReplyFault): Failure {
  const isForged = fault === 'bad-signature' || fault === 'other-request' || fault === 'wrong-id'
  return new Failure(
    isForged ? 'reply-forged' : 'reply-unusable',
    `the answer to the request is not to be believed (${fault})`,
    {
      remedy: isForged
        ? 'somebody stands between this host and the network: try another --bootstrap'
        : 'compare the clocks and the versions of meshgate on both hosts',
    },
  )
}
