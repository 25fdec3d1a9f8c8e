// SPDX-License-Identifier: Apache-2.0
/** `meshgate authority detach|delegate|accept|withdraw`: the root's key lies in a drawer, and others speak for it. */
import { readFileSync } from 'node:fs'
import { fromHex, toHex } from '../../../nat/hex.ts'
import { wallTime } from '../../../nat/clock.ts'
import { CLOCK_SKEW_MS } from '../../../topology/certificate.ts'
import {
  DELEGATED_RIGHTS,
  type DelegatedRight,
  type Delegation,
  DELEGATION_LIFETIME_MS_MAX,
  signDelegation,
  signWithdrawal,
} from '../../../topology/delegation.ts'
import { openEnvelope } from '../../../topology/envelope.ts'
import { KEY_BYTES } from '../../../topology/identity.ts'
import type { Network } from '../../../topology/network.ts'
import { checkedDelegation } from '../authority/authority-signer.ts'
import { reissueAll } from '../authority/reissue.ts'
import type { NetworkKey } from '../authority/key-file.ts'
import { readRootFile, writeRootFile } from '../authority/root-file.ts'
import { readClock } from '../clock.ts'
import { Failure } from '../failure.ts'
import { generateSeed, signerOf } from '../node-crypto.ts'
import type { AuthorityKey } from '../state/state-dir.ts'
import { announce, announcedText } from './announce.ts'
import { withAuthority } from './authority-access.ts'
import { type CommandContext, print } from './context.ts'
import { parseDuration, usage } from './option-values.ts'

export interface DescribedKey {
  readonly key: string
  readonly root: boolean
  readonly scope: readonly DelegatedRight[]
  /** ISO 8601; null: the root's right does not end. */
  readonly notAfter: string | null
}

interface DelegateOptions {
  readonly root: string
  readonly lifetime: string
  readonly scope?: readonly string[]
}

/** `meshgate authority detach FILE`: the root's key moves into the file, and this host goes on under a delegation. */
export async function detachRoot(
  context: CommandContext,
  options: Pick<DelegateOptions, 'lifetime'>,
  file: string,
): Promise<number> {
  const lifetimeMs = lifetimeOf(options.lifetime)
  return withAuthority(context, async ({ state, membership, store }) => {
    const { network } = membership
    const held = state.loadAuthorityKey()!
    if (held.delegation !== undefined)
      throw new Failure('no-root', 'the root is not on this host any more', {
        remedy: '`meshgate authority status` shows under which delegation it works',
      })
    const root = { seed: held.seed, network }
    const seed = generateSeed()
    const key = toHex(signerOf(seed).publicKey)
    const delegation = delegate(root, { key, lifetimeMs, scope: DELEGATED_RIGHTS })
    // First to the file: a kill in between leaves two copies of the root, and never none.
    writeRootFile(file, root)
    const next = { seed, delegation }
    state.saveAuthorityKey(next)
    const reissued = await reissueAll(store, next, { network, now: readClock().wall })
    const described = describeKey(next, network)
    const text = `${file} holds the root of network ${network.name}: put it where no network is, and copy it once\n${keyText(described)}; ${reissued} certificates signed anew\n\nRestart its agent: it answers under the delegation from then on.`
    print(context, { file, ...described, reissued }, text)
    return 0
  })
}

/**
 * `meshgate authority delegate KEY --root FILE`: needs nothing but the file, so it can be run where no network is. For `new` it
 * makes the key as well, and what it prints is then a secret.
 */
export async function delegateAuthority(
  context: CommandContext,
  options: DelegateOptions,
  key: string,
): Promise<number> {
  const lifetimeMs = lifetimeOf(options.lifetime)
  const scope = (options.scope ?? DELEGATED_RIGHTS).map(rightOf)
  const root = readRootFile(options.root)
  const seed = key === 'new' ? generateSeed() : new Uint8Array()
  const publicKey = key === 'new' ? toHex(signerOf(seed).publicKey) : keyOf(key)
  const bytes = delegate(root, { key: publicKey, lifetimeMs, scope })
  const delegation = Buffer.concat([seed, bytes]).toString('base64url')
  print(context, { delegation, key: publicKey, scope }, delegation)
  return 0
}

/** `meshgate authority accept FILE`: a renewed delegation for the key that this host has, or one with a new key. */
export async function acceptDelegation(
  context: CommandContext,
  _options: object,
  file: string,
): Promise<number> {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8')
  return withAuthority(context, async ({ state, membership, store }) => {
    const held = state.loadAuthorityKey()!
    const { network } = membership
    const next = acceptedKey(new Uint8Array(Buffer.from(text.trim(), 'base64url')), held)
    const fresh = checkedDelegation(next.delegation, signerOf(next.seed).publicKey, network)
    const old =
      held.delegation && checkedDelegation(held.delegation, signerOf(held.seed).publicKey, network)
    if (old !== undefined && old.serial >= fresh.serial)
      throw new Failure('old-delegation', 'this host has a newer delegation', {
        remedy: 'give the one that was made last',
      })
    state.saveAuthorityKey(next)
    const reissued = await reissueAll(store, next, { network, now: readClock().wall })
    const described = describeKey(next, network)
    const restart = 'Restart its agent: it answers under the new delegation from then on.'
    print(
      context,
      { ...described, reissued },
      `${keyText(described)}; ${reissued} certificates signed anew\n\n${restart}`,
    )
    return 0
  })
}

/** `meshgate authority withdraw KEY --root FILE`: on any member's host; what the key has signed is worth nothing from then on. */
export async function withdrawDelegation(
  context: CommandContext,
  options: Pick<DelegateOptions, 'root'>,
  key: string,
): Promise<number> {
  const { seed, network } = readRootFile(options.root)
  const now = readClock().wall
  const withdrawal = {
    network: network.id,
    key: keyOf(key),
    serial: now,
    notAfter: wallTime(now + DELEGATION_LIFETIME_MS_MAX),
  }
  const told = await announce(context, 'withdrawal', signWithdrawal(withdrawal, signerOf(seed)))
  if (!told)
    throw new Failure('no-agent', 'no agent runs here that could tell the members', {
      remedy: 'run this on a host whose agent runs',
    })
  print(
    context,
    { key, announced: told },
    `${key} may sign nothing any more; ${announcedText(told)}`,
  )
  return 0
}

export function describeKey(held: AuthorityKey, network: Network): DescribedKey {
  const { publicKey } = signerOf(held.seed)
  const key = toHex(publicKey)
  if (held.delegation === undefined)
    return { key, root: true, scope: DELEGATED_RIGHTS, notAfter: null }
  const { scope, notAfter }: Delegation = checkedDelegation(held.delegation, publicKey, network)
  return { key, root: false, scope, notAfter: new Date(notAfter).toISOString() }
}

export function keyText({ key, root, scope, notAfter }: DescribedKey): string {
  if (root) return `authority ${key}: the root itself`
  return `authority ${key}: may ${scope.join(', ')} until ${notAfter ?? ''}`
}

/** A delegation alone, or a seed before it. */
function acceptedKey(bytes: Uint8Array, held: AuthorityKey) {
  return openEnvelope('delegation', bytes).ok
    ? { seed: held.seed, delegation: bytes }
    : { seed: bytes.slice(0, KEY_BYTES), delegation: bytes.slice(KEY_BYTES) }
}

function delegate(
  { seed, network }: NetworkKey,
  wish: { key: string; lifetimeMs: number; scope: readonly DelegatedRight[] },
): Uint8Array {
  const now = readClock().wall
  const { key, scope, lifetimeMs } = wish
  const notBefore = wallTime(now - CLOCK_SKEW_MS)
  const notAfter = wallTime(now + lifetimeMs)
  const sorted = scope.toSorted()
  const delegation = { network: network.id, key, serial: now, scope: sorted, notBefore, notAfter }
  return signDelegation(delegation, signerOf(seed))
}

function lifetimeOf(text: string): number {
  const lifetimeMs = parseDuration('--lifetime', text)
  if (lifetimeMs <= DELEGATION_LIFETIME_MS_MAX) return lifetimeMs
  throw usage(`--lifetime ${text} is too long`, 'give at most two years: 365d')
}

function keyOf(text: string): string {
  if (fromHex(text)?.length === KEY_BYTES) return text
  throw usage(`${text} is no key`, 'give the 64 digits that `meshgate authority status` shows')
}

function rightOf(text: string): DelegatedRight {
  const right = DELEGATED_RIGHTS.find((one) => one === text)
  if (right !== undefined) return right
  throw usage(`--scope ${text} is no right`, `give ${DELEGATED_RIGHTS.join(', ')}`)
}
