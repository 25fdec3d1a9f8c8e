// SPDX-License-Identifier: Apache-2.0
import type { AuthorityLedger, Candidate, StoredNode, StoredToken } from './authority-store.ts'
import { Failure } from '../failure.ts'

/** So many letters of an id tell nodes apart, and are no name by accident. */
const ID_LETTERS_MIN = 8

/** The member of this name, or whose node id begins so. Throws Failure if there is none, or several. */
export function nodeMatching(ledger: AuthorityLedger, text: string): StoredNode {
  const named = ledger.nodeNamed(text)
  if (named !== undefined) return named
  return only(
    ledger.nodes().filter(({ certificate }) => beginsWith(certificate.node, text)),
    text,
    'member',
  )
}

/** The host that waits for a person, by the name that it asked for or the beginning of its node id. */
export function candidateMatching(ledger: AuthorityLedger, text: string): Candidate {
  const matching = ledger
    .candidates()
    .filter(({ name, node }) => name === text || beginsWith(node, text))
  return only(matching, text, 'waiting host')
}

/** The token whose id begins so. Throws Failure if there is none, or several. */
export function tokenMatching(ledger: AuthorityLedger, beginning: string): StoredToken {
  const found = ledger.tokens().filter(({ grant }) => grant.id.startsWith(beginning))
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  const remedy = '`meshgate token list` shows them'
  if (first === undefined)
    throw new Failure('no-such-token', `no token's id begins with ${beginning}`, { remedy })
  throw new Failure('ambiguous-token', `${found.length} tokens begin with ${beginning}`, { remedy })
}

function beginsWith(node: string, text: string): boolean {
  return text.length >= ID_LETTERS_MIN && node.startsWith(text)
}

function only<T>(found: readonly T[], text: string, what: string): T {
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  if (first === undefined)
    throw new Failure('no-such-node', `no ${what} is called ${text}`, {
      remedy: '`meshgate node list` shows names and ids; give at least 8 letters of an id',
    })
  throw new Failure('ambiguous-node', `${found.length} hosts fit ${text}`, {
    remedy: 'name one by its id: `meshgate node list`',
  })
}
