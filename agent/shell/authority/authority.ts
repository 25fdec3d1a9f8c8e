// SPDX-License-Identifier: Apache-2.0
/**
 * Speaks with the authority's key: hands out tokens, judges join requests, renews certificates. What
 * is decided is in the store before it is answered.
 */
import type { WallTime } from '../../../nat/clock.ts'
import { toHex } from '../../../nat/hex.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import { openJoinRequest, proofKeyOf } from '../../../topology/admission.ts'
import { PREFIXES_MAX, TAGS_MAX } from '../../../topology/certificate.ts'
import type { Crypto, Signer } from '../../../topology/crypto.ts'
import {
  AWAY_MS_MAX,
  AWAY_MS_MIN,
  type Grant,
  signGrant,
  TOKEN_ID_BYTES,
  type TokenId,
  USES_MAX,
} from '../../../topology/grant.ts'
import { isHostName, isNamePattern } from '../../../topology/host-name.ts'
import {
  encodeAcceptance,
  encodeRefusal,
  type RefusalReason,
} from '../../../topology/join-reply.ts'
import type { Network } from '../../../topology/network.ts'
import { isRenewal, openRenewal } from '../../../topology/renewal.ts'
import { isPrefix } from '../../../topology/prefix.ts'
import { type Bootstrap, formatToken, SECRET_BYTES } from '../../../topology/token.ts'
import { admitNode } from './admit-node.ts'
import type { AuthorityStore } from './authority-store.ts'
import { renewNode } from './renew-node.ts'

export interface TokenWish {
  readonly namePattern: string | null
  readonly tags: readonly string[]
  /** How long an ephemeral host may be gone; null: it is kept. */
  readonly awayMs: number | null
  readonly prefixes: readonly string[]
  readonly hub: boolean
  readonly uses: number
  readonly lifetimeMs: number
  /** Members at which the joining host may knock, best first. */
  readonly bootstrap: readonly Bootstrap[]
}

export type TokenWishFault =
  | 'bad-name-pattern'
  | 'bad-tags'
  | 'bad-prefixes'
  | 'bad-uses'
  | 'bad-lifetime'
  | 'bad-away-time'

/** A token that lies around for longer than a year is a key that nobody remembers. */
const TOKEN_LIFETIME_MS_MAX = 366 * 86_400_000

export interface AuthorityPowers {
  readonly network: Network
  /** With the network's authority key. */
  readonly signer: Signer
  readonly crypto: Crypto
  readonly store: AuthorityStore
}

/** What the operator of the joining host is told. */
const SENTENCES: Readonly<Record<RefusalReason, string>> = {
  'token-unknown':
    'The network does not know this token: make a new one with `meshgate token create`.',
  'token-expired':
    'The token is no longer valid: make a new one, and compare the clocks of both hosts.',
  'token-used-up':
    'The token was used as often as it allows: make a new one, or one with more --uses.',
  'token-revoked': 'The token was revoked: ask for a new one.',
  'name-taken': 'Another member has this name: choose one with --name.',
  'name-not-allowed':
    'The token does not allow this name: choose one that fits its pattern with --name.',
  'keys-taken':
    'Another member has these session keys: run `meshgate leave` and join with a new token.',
  'bad-proof': 'The token was altered: copy it again as it was printed.',
  'awaiting-approval':
    'A person decides about every host here: `meshgate node approve` lets this one in.',
  'not-approved': 'The host was refused: ask who looks after the network.',
  revoked: 'This host was revoked: run `meshgate leave` and join with a new token.',
  'not-a-member': 'The network has forgotten this host: run `meshgate leave` and join again.',
  'stale-request': 'The request is older than the last one: compare the clocks of both hosts.',
  'address-plan-full': 'The network has no address left: remove members that are gone.',
  'wrong-network': 'The token is for another network: ask a member of that network.',
  malformed: 'The request cannot be read: run the same version of meshgate on both hosts.',
}

export class Authority {
  readonly #powers: AuthorityPowers

  constructor(powers: AuthorityPowers) {
    this.#powers = powers
  }

  /** The text to paste on the joining host. Throws StateFault. */
  async createToken(
    wish: TokenWish,
    now: WallTime,
  ): Promise<Result<{ readonly id: TokenId; readonly text: string }, TokenWishFault>> {
    const fault = faultOf(wish)
    if (fault !== undefined) return err(fault)
    const { network, signer, crypto, store } = this.#powers
    const id = toHex(crypto.randomBytes(TOKEN_ID_BYTES)) as TokenId
    const secret = crypto.randomBytes(SECRET_BYTES)
    const { namePattern, awayMs, hub, uses } = wish
    const grant: Grant = {
      network: network.id,
      id,
      namePattern,
      tags: wish.tags.toSorted(),
      awayMs,
      prefixes: wish.prefixes.toSorted(),
      hub,
      uses,
      notBefore: now,
      notAfter: Math.min(
        now + wish.lifetimeMs,
        signer.delegation?.notAfter ?? Infinity,
      ) as WallTime,
    }
    const text = formatToken(
      {
        grant: signGrant(grant, signer),
        secret,
        authorityKey: network.authorityKey,
        networkName: network.name,
        presharedKey: network.presharedKey,
        bootstrap: wish.bootstrap,
      },
      crypto,
    )
    const proofKey = proofKeyOf(secret, crypto)
    await store.transact((ledger) =>
      ledger.putToken({ grant, proofKey, used: 0, revoked: false, createdAt: now }),
    )
    return ok({ id, text })
  }

  /** Reply to a join request or a renewal; `records`: envelopes for the new member to begin with. Throws StateFault. */
  async judge(
    request: Uint8Array,
    now: WallTime,
    records: readonly Uint8Array[] = [],
  ): Promise<Uint8Array> {
    const { network, signer, crypto } = this.#powers
    const certificate = await (isRenewal(request)
      ? this.#renew(request, now)
      : this.#admit(request, now))
    if (certificate.ok) {
      return encodeAcceptance(
        { request, certificate: certificate.value, network, records },
        signer,
        crypto,
      )
    }
    return encodeRefusal({ reason: certificate.error, sentence: SENTENCES[certificate.error] })
  }

  async #admit(request: Uint8Array, now: WallTime): Promise<Result<Uint8Array, RefusalReason>> {
    const { network, signer, crypto, store } = this.#powers
    const opened = openJoinRequest(request, crypto)
    if (!opened.ok) return err(opened.error === 'bad-signature' ? 'bad-proof' : 'malformed')
    return store.transact((ledger) =>
      admitNode(ledger, { request: opened.value, network, now, crypto, authority: signer }),
    )
  }

  async #renew(request: Uint8Array, now: WallTime): Promise<Result<Uint8Array, RefusalReason>> {
    const { network, signer, crypto, store } = this.#powers
    const opened = openRenewal(request, crypto)
    if (!opened.ok) return err(opened.error === 'bad-signature' ? 'bad-proof' : 'malformed')
    return store.transact((ledger) =>
      renewNode(ledger, { request: opened.value, network, authority: signer, now }),
    )
  }
}

function faultOf(wish: TokenWish): TokenWishFault | undefined {
  const { namePattern, tags, prefixes, uses, lifetimeMs, awayMs } = wish
  if (namePattern !== null && !isNamePattern(namePattern)) return 'bad-name-pattern'
  if (tags.length > TAGS_MAX || !tags.every(isHostName)) return 'bad-tags'
  if (prefixes.length > PREFIXES_MAX || !prefixes.every(isPrefix)) return 'bad-prefixes'
  if (!Number.isInteger(uses) || uses < 1 || uses > USES_MAX) return 'bad-uses'
  if (awayMs !== null && !(awayMs >= AWAY_MS_MIN && awayMs <= AWAY_MS_MAX)) return 'bad-away-time'
  const lasts =
    Number.isInteger(lifetimeMs) && lifetimeMs > 0 && lifetimeMs <= TOKEN_LIFETIME_MS_MAX
  return lasts ? undefined : 'bad-lifetime'
}
