// SPDX-License-Identifier: Apache-2.0
/**
 * What `meshgate init` does: an authority key, an address plan and the first node. The membership is written
 * last, so an init that was interrupted is taken up again with the same keys by the next one.
 */
import type { WallTime } from '../../../nat/clock.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import { TAGS_MAX } from '../../../topology/certificate.ts'
import type { Signer } from '../../../topology/crypto.ts'
import { isHostName } from '../../../topology/host-name.ts'
import { networkIdOf, nodeIdOf, x25519KeyOf } from '../../../topology/identity.ts'
import { isNetworkIpv4Prefix, type Network } from '../../../topology/network.ts'
import {
  chooseIpv4Prefix,
  ipv6AddressOf,
  ipv6PrefixOf,
  lowestFreeIpv4,
} from '../../../topology/overlay-address.ts'
import { parsePrefix } from '../../../topology/prefix.ts'
import { APPROVE_SETTING } from './admit-node.ts'
import { issueCertificate, LIFETIME_SETTING, type Statement } from './issue-certificate.ts'
import { secureRandom } from '../entropy.ts'
import { generateSeed, nodeCrypto, signerOf, x25519PublicKey } from '../node-crypto.ts'
import { openAuthorityStore } from './sqlite-authority-store.ts'
import type { Membership, NodeKeys, StateDir } from '../state/state-dir.ts'

export interface FoundingWish {
  readonly networkName: string
  /** Name of this host, the first node. */
  readonly nodeName: string
  readonly tags: readonly string[]
  /** Canonical CIDR in private address space; undefined: a random 10.x.0.0/16. */
  readonly ipv4Prefix: string | undefined
  /** Addresses and routes of this host (CIDR), which the random prefix must not overlap. */
  readonly localPrefixes: readonly string[]
  /** Whether a person says yes to every host that wants to join. */
  readonly approve?: boolean
  /** Of certificates; undefined: 30 days. */
  readonly lifetimeMs?: number | undefined
}

export type FoundingFault =
  | 'already-a-member'
  | 'bad-network-name'
  | 'bad-node-name'
  | 'bad-tags'
  | 'bad-prefix'
  | 'no-free-prefix'
  | 'authority-in-use'

/**
 * authority-in-use: the membership is gone, but the authority's key and other members are there; a
 * new network in its place would cut them off, so the directory is to be restored or left. Throws StateFault if the state directory cannot be read or written.
 */
export function foundNetwork(
  state: StateDir,
  wish: FoundingWish,
  now: WallTime,
): Result<Membership, FoundingFault> {
  if (state.loadMembership() !== undefined) return err('already-a-member')
  if (!isHostName(wish.networkName)) return err('bad-network-name')
  if (!isHostName(wish.nodeName)) return err('bad-node-name')
  if (wish.tags.length > TAGS_MAX || !wish.tags.every(isHostName)) return err('bad-tags')
  const prefix = prefixFor(wish)
  if (!prefix.ok) return prefix
  const keys = state.loadOrMakeKeys()
  const seed = state.loadAuthorityKey()?.seed ?? newAuthority(state)
  const authority = signerOf(seed)
  const id = networkIdOf(authority.publicKey, nodeCrypto)
  const network: Network = {
    id,
    name: wish.networkName,
    authorityKey: authority.publicKey,
    ipv4Prefix: prefix.value,
    ipv6Prefix: ipv6PrefixOf(id).text,
    presharedKey: nodeCrypto.randomBytes(32),
  }
  const founder = admitFounder(state, { keys, network, authority, wish, now })
  if (!founder.ok) return founder
  state.saveMembership(network, founder.value.certificateBytes)
  return ok({ network, ...founder.value })
}

function prefixFor(wish: FoundingWish): Result<string, 'bad-prefix' | 'no-free-prefix'> {
  if (wish.ipv4Prefix !== undefined) {
    return isNetworkIpv4Prefix(wish.ipv4Prefix) ? ok(wish.ipv4Prefix) : err('bad-prefix')
  }
  const chosen = chooseIpv4Prefix(wish.localPrefixes, secureRandom)
  return chosen.ok ? ok(chosen.value.text) : chosen
}

function newAuthority(state: StateDir): Uint8Array {
  const seed = generateSeed()
  state.saveAuthorityKey({ seed })
  return seed
}

interface Founding {
  readonly keys: NodeKeys
  readonly network: Network
  readonly authority: Signer
  readonly wish: FoundingWish
  readonly now: WallTime
}

function admitFounder(
  state: StateDir,
  founding: Founding,
): Result<Omit<Membership, 'network'>, 'authority-in-use'> {
  const store = openAuthorityStore(state.authorityDbPath, { create: true })
  try {
    const node = nodeIdOf(signerOf(founding.keys.seed).publicKey)
    return store.decide((ledger) => {
      if (ledger.nodes().some(({ certificate }) => certificate.node !== node)) {
        return err('authority-in-use')
      }
      const { wish, authority, now } = founding
      if (wish.approve) ledger.putSetting(APPROVE_SETTING, 'yes')
      if (wish.lifetimeMs !== undefined)
        ledger.putSetting(LIFETIME_SETTING, String(wish.lifetimeMs))
      const founder = founderStatement(founding)
      const issued = issueCertificate(ledger, founder, { awayMs: null, authority, now })
      ledger.putNode({ ...issued, token: null, awayMs: null, askedAt: now })
      return ok(issued)
    })
  } finally {
    store.close()
  }
}

function founderStatement({ keys, network, wish }: Founding): Statement {
  const node = nodeIdOf(signerOf(keys.seed).publicKey)
  const prefix = parsePrefix(network.ipv4Prefix)
  // Nobody but the founder has been admitted yet, so the first address is its own or free.
  const ipv4 = prefix.ok ? lowestFreeIpv4(prefix.value, () => false) : prefix
  if (!ipv4.ok) throw new Error('a checked prefix has room for one host')
  return {
    network: network.id,
    node,
    wireguardKey: x25519KeyOf(x25519PublicKey(keys.wireguardKey)),
    probeKey: x25519KeyOf(x25519PublicKey(keys.probeKey)),
    name: wish.nodeName,
    ipv4: ipv4.value,
    ipv6: ipv6AddressOf(network.id, node, nodeCrypto),
    tags: wish.tags.toSorted(),
    prefixes: [],
    hub: true,
    authority: true,
  }
}
