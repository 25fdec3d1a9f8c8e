// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Authority, type TokenWish } from '../../../agent/shell/authority/authority.ts'
import type {
  AuthorityStore,
  StoredNode,
  StoredToken,
} from '../../../agent/shell/authority/authority-store.ts'
import { nodeCrypto } from '../../../agent/shell/node-crypto.ts'
import { openAuthorityStore } from '../../../agent/shell/authority/sqlite-authority-store.ts'
import type { WallTime } from '../../../nat/clock.ts'
import { makeJoinRequest } from '../../../topology/admission.ts'
import type { Signer } from '../../../topology/crypto.ts'
import { x25519KeyOf } from '../../../topology/identity.ts'
import { type JoinReply, readJoinReply } from '../../../topology/join-reply.ts'
import type { Network } from '../../../topology/network.ts'
import { makeRenewal } from '../../../topology/renewal.ts'
import { parseToken } from '../../../topology/token.ts'
import { authority as signer, network, NOW } from '../../topology/sample-network.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export const WISH: TokenWish = {
  namePattern: null,
  tags: [],
  awayMs: null,
  prefixes: [],
  hub: true,
  uses: 1,
  lifetimeMs: 3_600_000,
  bootstrap: [],
}

export interface SampleAuthority {
  readonly authority: Authority
  readonly store: AuthorityStore
  readonly path: string
}

export function sampleAuthority(
  path: string = join(temporaryDirectory(), 'authority.db'),
  of: Network = network,
): SampleAuthority {
  const store = openAuthorityStore(path, { create: true })
  onTestFinished(() => store.close())
  return {
    authority: new Authority({ network: of, signer, crypto: nodeCrypto, store }),
    store,
    path,
  }
}

export async function issue(
  { authority }: SampleAuthority,
  wish: Partial<TokenWish> = {},
  now: WallTime = NOW,
): Promise<string> {
  const issued = await authority.createToken({ ...WISH, ...wish }, now)
  if (!issued.ok) throw new Error(issued.error)
  return issued.value.text
}

/** What the store remembers, for tests to look at. */
export const tokensOf = async ({ store }: Pick<SampleAuthority, 'store'>): Promise<StoredToken[]> =>
  store.transact((ledger) => ledger.tokens())

export const nodesOf = async ({ store }: Pick<SampleAuthority, 'store'>): Promise<StoredNode[]> =>
  store.transact((ledger) => ledger.nodes())

export interface Joiner {
  readonly node: Signer
  readonly token: string
  readonly name: string
  /** The WireGuard key is this byte 32 times; left out: one of its own. */
  readonly key?: number
}

function sessionKeysOf({ publicKey }: Signer, key: number | undefined) {
  const wireguard = key === undefined ? publicKey : new Uint8Array(32).fill(key)
  return {
    wireguardKey: x25519KeyOf(wireguard),
    probeKey: x25519KeyOf(publicKey.toReversed()),
  }
}

/** The bytes that a host sends. */
export function requestOf({ node, token, name, key }: Joiner, now: WallTime = NOW): Uint8Array {
  const parsed = parseToken(token, nodeCrypto, now)
  if (!parsed.ok) throw new Error(parsed.error)
  const { wireguardKey, probeKey } = sessionKeysOf(node, key)
  const wish = { token: parsed.value, wireguardKey, probeKey, name, now }
  return makeJoinRequest(wish, node, nodeCrypto)
}

export interface Renewer {
  readonly node: Signer
  readonly successor?: Signer
  /** The WireGuard key is this byte 32 times; left out: one of its own. */
  readonly key?: number
}

/** The bytes that a member sends. */
export function renewalOf({ node, successor, key }: Renewer, now: WallTime): Uint8Array {
  const { wireguardKey, probeKey } = sessionKeysOf(node, key)
  const wish = { network: network.id, wireguardKey, probeKey, now }
  return makeRenewal(wish, node, nodeCrypto, successor)
}

export async function askToRenew(
  sample: SampleAuthority,
  renewer: Renewer,
  now: WallTime,
): Promise<JoinReply> {
  return replyTo(sample, renewalOf(renewer, now), now)
}

/** Asks and reads the answer, as of the same moment on both sides. */
export async function askToJoin(
  sample: SampleAuthority,
  joiner: Joiner,
  now: WallTime = NOW,
): Promise<JoinReply> {
  // The request is made while the token is fresh: what the authority says of a late one is tested here.
  const request = requestOf(joiner)
  return replyTo(sample, request, now)
}

async function replyTo(
  sample: SampleAuthority,
  request: Uint8Array,
  now: WallTime,
): Promise<JoinReply> {
  const reply = await sample.authority.judge(request, now)
  const awaited = { authorityKey: signer.publicKey, request, now }
  const read = readJoinReply(reply, awaited, nodeCrypto)
  if (!read.ok) throw new Error(read.error)
  return read.value
}

/** A reply that must be a yes. */
export function accepted(reply: JoinReply) {
  if (reply.kind !== 'accepted') throw new Error(reply.reason)
  return reply
}

/** Why it was a no, or what it was else. */
export function reasonOf(reply: JoinReply): string {
  return reply.kind === 'refused' ? reply.reason : reply.kind
}
