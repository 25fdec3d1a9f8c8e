// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Authority, type TokenWish } from '../../../agent/shell/authority/authority.ts'
import type { AuthorityStore } from '../../../agent/shell/authority/authority-store.ts'
import { nodeCrypto } from '../../../agent/shell/node-crypto.ts'
import { openAuthorityStore } from '../../../agent/shell/authority/sqlite-authority-store.ts'
import type { WallTime } from '../../../nat/clock.ts'
import { makeJoinRequest } from '../../../topology/admission.ts'
import type { Signer } from '../../../topology/crypto.ts'
import { x25519KeyOf } from '../../../topology/identity.ts'
import { type JoinReply, readJoinReply } from '../../../topology/join-reply.ts'
import type { Network } from '../../../topology/network.ts'
import { parseToken } from '../../../topology/token.ts'
import { authority as signer, network, NOW } from '../../topology/sample-network.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export const WISH: TokenWish = {
  namePattern: null,
  tags: [],
  ephemeral: false,
  prefixes: [],
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

export function issue(
  { authority }: SampleAuthority,
  wish: Partial<TokenWish> = {},
  now: WallTime = NOW,
): string {
  const issued = authority.createToken({ ...WISH, ...wish }, now)
  if (!issued.ok) throw new Error(issued.error)
  return issued.value.text
}

export interface Joiner {
  readonly node: Signer
  readonly token: string
  readonly name: string
  /** The WireGuard key is this byte 32 times. */
  readonly key?: number
}

/** The bytes that a host sends. */
export function requestOf({ node, token, name, key = 3 }: Joiner, now: WallTime = NOW): Uint8Array {
  const parsed = parseToken(token, nodeCrypto, now)
  if (!parsed.ok) throw new Error(parsed.error)
  const wireguardKey = x25519KeyOf(new Uint8Array(32).fill(key))
  const probeKey = x25519KeyOf(new Uint8Array(32).fill(4))
  const wish = { token: parsed.value, wireguardKey, probeKey, name, now }
  return makeJoinRequest(wish, node, nodeCrypto)
}

/** Asks and reads the answer, as of the same moment on both sides. */
export function askToJoin(sample: SampleAuthority, joiner: Joiner, now: WallTime = NOW): JoinReply {
  // The request is made while the token is fresh: what the authority says of a late one is tested here.
  const request = requestOf(joiner)
  const reply = sample.authority.judge(request, now)
  const awaited = { authorityKey: signer.publicKey, request, now }
  const read = readJoinReply(reply, awaited, nodeCrypto)
  if (!read.ok) throw new Error(read.error)
  return read.value
}
