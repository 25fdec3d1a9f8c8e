// SPDX-License-Identifier: Apache-2.0
/**
 * A network's authority and its members' certificates and keys, all from one seed. The crypto is the
 * shell's own, or for large runs one that signs by hashing: as deterministic, and a hundred times as fast.
 */
import { createHash } from 'node:crypto'
import { toHex } from '../../nat/hex.ts'
import { wallTime } from '../../nat/clock.ts'
import { nodeCrypto, signerOf, x25519PublicKey } from '../../agent/shell/node-crypto.ts'
import type { SessionKeys } from '../../agent/core/desired.ts'
import type { Certificate } from '../../topology/certificate.ts'
import { signCertificate } from '../../topology/certificate-codec.ts'
import type { Crypto, Signer } from '../../topology/crypto.ts'
import { networkIdOf, nodeIdOf, x25519KeyOf } from '../../topology/identity.ts'
import type { Network } from '../../topology/network.ts'
import { encodeNotice, type Notice } from '../../topology/notice.ts'
import { ipv6AddressOf, ipv6PrefixOf } from '../../topology/overlay-address.ts'
import { DELEGATED_RIGHTS, signDelegation, signWithdrawal } from '../../topology/delegation.ts'
import type { PolicyRule } from '../../topology/policy.ts'
import { signPolicy } from '../../topology/policy-codec.ts'
import { signRevocation } from '../../topology/revocation.ts'
import { SeededRandom } from './seeded-random.ts'

/** Where wall clocks stand when a simulation begins. */
export const WALL_START_MS = 1_760_000_000_000
const YEAR_MS = 365 * 86_400_000

export interface Member {
  readonly certificate: Certificate
  readonly certificateBytes: Uint8Array
  readonly keys: SessionKeys
  readonly signer: Signer
  /** WireGuard public key, base64: how helpers name it. */
  readonly helperName: string
}

export type CryptoKind = 'real' | 'hashing'

export class Membership {
  readonly network: Network
  readonly crypto: Crypto
  readonly #kind: CryptoKind
  readonly #random: SeededRandom
  readonly #authority: Signer
  #admitted = 0
  #edits = 0

  constructor(seed: number, kind: CryptoKind) {
    this.#kind = kind
    this.#random = new SeededRandom(seed, 'keys')
    const randomBytes = this.#random.entropy
    this.crypto =
      kind === 'real'
        ? { ...nodeCrypto, randomBytes }
        : { ...nodeCrypto, randomBytes, verify: verifyHash }
    this.#authority = this.#newSigner()
    const authorityKey = this.#authority.publicKey
    const id = networkIdOf(authorityKey, this.crypto)
    this.network = {
      id,
      name: 'simulated',
      authorityKey,
      ipv4Prefix: '10.77.0.0/16',
      ipv6Prefix: ipv6PrefixOf(id).text,
      presharedKey: randomBytes(32),
    }
  }

  /** `changes`: what the authority says otherwise than usual. */
  admit(
    name: string,
    changes: Partial<Certificate> = {},
    authority: Signer = this.#authority,
  ): Member {
    const serial = ++this.#admitted
    const signer = this.#newSigner()
    const wireguardPrivate = this.#random.entropy(32)
    const probePrivate = this.#random.entropy(32)
    const node = nodeIdOf(signer.publicKey)
    const wireguardPublic = this.#publicKeyOf(wireguardPrivate)
    const certificate: Certificate = {
      network: this.network.id,
      serial,
      node,
      wireguardKey: x25519KeyOf(wireguardPublic),
      probeKey: x25519KeyOf(this.#publicKeyOf(probePrivate)),
      name,
      ipv4: `10.77.${serial >> 8}.${serial & 0xff}`,
      ipv6: ipv6AddressOf(this.network.id, node, this.crypto),
      tags: [],
      prefixes: [],
      hub: true,
      authority: serial === 1,
      notBefore: wallTime(WALL_START_MS),
      notAfter: wallTime(WALL_START_MS + YEAR_MS),
      ...changes,
    }
    return {
      certificate,
      certificateBytes: signCertificate(certificate, authority),
      keys: {
        wireguardPrivateKey: toHex(wireguardPrivate),
        probePrivateKey: toHex(probePrivate),
      },
      signer,
      helperName: Buffer.from(wireguardPublic).toString('base64'),
    }
  }

  /** The authority's word that a member is out. */
  revoke({ certificate: { node, serial, notAfter } }: Member): Notice {
    const revocation = { network: this.network.id, node, serial, issuedAt: notAfter, notAfter }
    const envelope = signRevocation(revocation, this.#authority)
    return { kind: 'revocation', revocation, bytes: encodeNotice('revocation', envelope) }
  }

  /** A certificate that the authority puts in the place of a member's. */
  edit({ certificate }: Member, changes: Partial<Certificate>): Notice {
    const edited = {
      ...certificate,
      serial: certificate.serial + 1_000 + this.#edits++,
      ...changes,
    }
    const envelope = signCertificate(edited, this.#authority)
    const bytes = encodeNotice('certificate', envelope)
    return { kind: 'certificate', certificate: edited, envelope, bytes }
  }

  /** A second authority, under a delegation of the network's key. */
  delegate(): { readonly key: string; readonly signer: Signer } {
    const signer = this.#newSigner()
    const key = toHex(signer.publicKey)
    const notAfter = wallTime(WALL_START_MS + YEAR_MS)
    const bytes = signDelegation(
      {
        network: this.network.id,
        key,
        serial: 1,
        scope: DELEGATED_RIGHTS,
        notBefore: wallTime(WALL_START_MS),
        notAfter,
      },
      this.#authority,
    )
    return { key, signer: { ...signer, delegation: { bytes, notAfter } } }
  }

  /** What that one has signed is worth nothing from now on. */
  withdraw(key: string): Notice {
    const notAfter = wallTime(WALL_START_MS + YEAR_MS)
    const withdrawal = { network: this.network.id, key, serial: 1, notAfter }
    const bytes = encodeNotice('withdrawal', signWithdrawal(withdrawal, this.#authority))
    return { kind: 'withdrawal', withdrawal, bytes }
  }

  /** Who may reach whom from now on. */
  policy(rules: readonly PolicyRule[]): Notice {
    const serial = 1_000 + this.#edits++
    const policy = { network: this.network.id, serial, issuedAt: wallTime(WALL_START_MS), rules }
    const bytes = encodeNotice('policy', signPolicy(policy, this.#authority))
    return { kind: 'policy', policy, bytes }
  }

  #newSigner(): Signer {
    const seed = this.#random.entropy(32)
    if (this.#kind === 'real') return signerOf(seed)
    return { publicKey: seed, sign: (message) => hashSignature(seed, message) }
  }

  #publicKeyOf(privateKey: Uint8Array): Uint8Array {
    return this.#kind === 'real' ? x25519PublicKey(privateKey) : nodeCrypto.hash(privateKey)
  }
}

/** Forgeable by anybody, and therefore for simulations only; but it tells apart who signed what. */
function hashSignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  return createHash('sha512').update(publicKey).update(message).digest().subarray(0, 64)
}

function verifyHash(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return Buffer.compare(hashSignature(publicKey, message), signature) === 0
}
