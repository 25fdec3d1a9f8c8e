// SPDX-License-Identifier: Apache-2.0
/** Whether a document is the authority's word: signed by the root, or by a key to which the root has delegated that. */
import { fromHex } from '../nat/hex.ts'
import type { WallTime } from '../nat/clock.ts'
import { err, ok, type Result } from '../nat/result.ts'
import type { Crypto } from './crypto.ts'
import { type DelegatedRight, type Delegation, verifyDelegation } from './delegation.ts'
import { type Envelope, isSignedBy } from './envelope.ts'
import type { Network } from './network.ts'

/** Whose word counts in a network. */
export interface Trust extends Pick<Network, 'id' | 'authorityKey'> {
  /** The serial up to which the root has taken back this key's delegations; undefined: it has taken back none. */
  readonly withdrawnUpTo?: ((key: string) => number | undefined) | undefined
}

export type AuthorityKind = 'certificate' | 'grant' | 'admission' | 'revocation' | 'policy'

export type AuthorityFault = 'bad-signature' | 'withdrawn'

/** From when until when the document itself holds; it may not do so for longer than the right to sign it. */
export interface Span {
  readonly from: WallTime
  readonly until: WallTime
}

const RIGHTS: Readonly<Record<AuthorityKind, DelegatedRight>> = {
  certificate: 'admit',
  grant: 'admit',
  admission: 'admit',
  revocation: 'revoke',
  policy: 'policy',
}

/** The delegation under which it was signed, null for the root. Never throws. */
export function judgeAuthority(
  kind: AuthorityKind,
  envelope: Envelope,
  trust: Trust,
  crypto: Pick<Crypto, 'verify'>,
  span: Span,
): Result<Delegation | null, AuthorityFault> {
  const { delegation: sealed, ...direct } = envelope
  if (sealed === undefined)
    return isSignedBy(trust.authorityKey, kind, direct, crypto) ? ok(null) : err('bad-signature')
  const delegation = verifyDelegation(sealed, trust, crypto)
  if (!delegation.ok) return err('bad-signature')
  const { key, serial, scope, notBefore, notAfter } = delegation.value
  const publicKey = fromHex(key)
  const mayDoSo = scope.includes(RIGHTS[kind]) && notBefore <= span.from && span.until <= notAfter
  if (!mayDoSo || publicKey === undefined || !isSignedBy(publicKey, kind, direct, crypto))
    return err('bad-signature')
  return serial <= (trust.withdrawnUpTo?.(key) ?? 0) ? err('withdrawn') : ok(delegation.value)
}
