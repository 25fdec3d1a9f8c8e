// SPDX-License-Identifier: Apache-2.0
/**
 * What a host keeps between runs, in one directory of mode 0700:
 *
 * ```
 * node.json        node seed, WireGuard and probe private keys, UDP port     made once, before joining
 * node.next.json   the keys that the node is about to change to                 while it changes them
 * membership.json  network and certificate                                   its presence is membership
 * version.json     version of the node's last own record
 * records.cbor     records of other members, to begin with at the next start
 * notices.cbor     what the authority said of members (topology/notice.ts)
 * authority.json   the authority's seed, and the root's delegation to it if it is not the root itself        on an authority's host only
 * authority.db     tokens, members and counters (authority-store.ts); `.superseded` once an etcd cluster has taken them over
 * ```
 * Each file is replaced as a whole, so a kill at any moment leaves the old or the new one. Keys come before
 * the membership that names them, so an interrupted join is repeated with the same keys.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import type { Certificate } from '../../../topology/certificate.ts'
import { readCertificate } from '../../../topology/certificate-codec.ts'
import { ENVELOPE_BYTES_MAX } from '../../../topology/envelope.ts'
import {
  decodeNetwork,
  encodeNetwork,
  type Network,
  NETWORK_BYTES_MAX,
} from '../../../topology/network.ts'
import { NOTICE_BYTES_MAX, NOTICES_MAX } from '../../../topology/notice.ts'
import { readBounded, removeTemporaries, syncDirectory } from './atomic-file.ts'
import { readList, saveCachedList, saveList } from './heard-list.ts'
import { generateSeed, generateX25519, nodeCrypto } from '../node-crypto.ts'
import { secureRandom } from '../entropy.ts'
import { onFile, StateFault } from './state-fault.ts'
import { base64Bytes, loadState, saveState, type StateFile, toBase64 } from './state-file.ts'

export interface NodeKeys {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array
  /** X25519 private keys, 32 bytes each. */
  readonly wireguardKey: Uint8Array
  readonly probeKey: Uint8Array
  /** UDP port, random and then kept: a NAT's mapping and a firewall's rule outlive a restart. */
  readonly listenPort: number
}

/** Of an authority: the root's own, or one that the root has delegated to. */
export interface AuthorityKey {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array
  /** The root's word (topology/delegation.ts); undefined: the seed is the root's. */
  readonly delegation?: Uint8Array | undefined
}

export interface Membership {
  readonly network: Network
  readonly certificate: Certificate
  /** The certificate as the authority signed it. */
  readonly certificateBytes: Uint8Array
}

/** Outside of the ports that the kernel gives out by itself (32768 and up on Linux). */
const LISTEN_PORT_MIN = 20_000
const LISTEN_PORT_MAX = 32_767

/** No write takes as long: a temporary file of this age was left by a kill. */
const LEFTOVER_MS = 60_000

const CACHED_RECORDS_MAX = 256
const CACHE_BYTES_MAX = CACHED_RECORDS_MAX * (ENVELOPE_BYTES_MAX.record + 8)

const NOTICES_BYTES_MAX = NOTICES_MAX * (NOTICE_BYTES_MAX + 8)

const REJOIN = 'restore it from a backup, or run `meshgate leave` and join again with a new token'

export class StateDir {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Makes the directory if there is none. Throws StateFault. */
  static open(directory: string): StateDir {
    const path = resolve(directory)
    onFile(path, () => {
      makeDirectory(path)
      const { mode } = statSync(path)
      if ((mode & 0o022) !== 0) {
        throw new StateFault('too-open', {
          path,
          problem: 'other users may replace files in it',
          remedy: `chmod 700 ${path}`,
        })
      }
    })
    removeTemporaries(path, LEFTOVER_MS)
    return new StateDir(path)
  }

  get authorityDbPath(): string {
    return join(this.path, 'authority.db')
  }

  loadKeys(): NodeKeys | undefined {
    return loadState(this.#file('node.json', 'node keys', keysSchema))
  }

  /** The host's keys, made on first use. */
  loadOrMakeKeys(): NodeKeys {
    const known = this.loadKeys()
    if (known !== undefined) return known
    const keys = newKeys(randomPort())
    this.#saveKeys('node.json', keys)
    return keys
  }

  loadNextKeys(): NodeKeys | undefined {
    return loadState(this.#file('node.next.json', 'node keys', keysSchema))
  }

  /** Kept before anybody is asked for a certificate that names them. */
  saveNextKeys(keys: NodeKeys): void {
    this.#saveKeys('node.next.json', keys)
  }

  /** The certificate that was saved last is for the next keys: they are the node's from now on. */
  changeKeys(): void {
    onFile(this.path, () => {
      renameSync(join(this.path, 'node.next.json'), join(this.path, 'node.json'))
      syncDirectory(this.path)
    })
  }

  #saveKeys(name: string, keys: NodeKeys): void {
    saveState(join(this.path, name), 'node keys', {
      seed: toBase64(keys.seed),
      wireguardKey: toBase64(keys.wireguardKey),
      probeKey: toBase64(keys.probeKey),
      listenPort: keys.listenPort,
    })
  }

  /** Undefined if this host is no member. Whether the certificate still holds is for its reader. */
  loadMembership(): Membership | undefined {
    const file = this.#file('membership.json', 'membership', membershipSchema)
    const stored = loadState(file)
    if (stored === undefined) return undefined
    const network = decodeNetwork(stored.network, nodeCrypto)
    const certificate = readCertificate(stored.certificate)
    if (network.ok && certificate.ok) {
      return {
        network: network.value,
        certificate: certificate.value,
        certificateBytes: stored.certificate,
      }
    }
    const problem = `is damaged: ${network.ok ? 'its certificate' : 'its network'} cannot be read`
    throw new StateFault('damaged', { path: file.path, problem, remedy: REJOIN })
  }

  saveMembership(network: Network, certificateBytes: Uint8Array): void {
    saveState(join(this.path, 'membership.json'), 'membership', {
      network: toBase64(encodeNetwork(network)),
      certificate: toBase64(certificateBytes),
    })
  }

  /** Version of the last record that this host signed; 0 before the first. */
  loadRecordVersion(): number {
    return loadState(this.#file('version.json', 'record version', versionSchema))?.version ?? 0
  }

  saveRecordVersion(version: number): void {
    saveState(join(this.path, 'version.json'), 'record version', { version })
  }

  /** Unverified. Never throws: it is a cache, and an unreadable one is an empty one. */
  loadRecords(): Uint8Array[] {
    return readList(join(this.path, 'records.cbor'), CACHE_BYTES_MAX)
  }

  /** Keeps the first 256. */
  saveRecords(records: readonly Uint8Array[]): void {
    const kept = records
      .filter(({ length }) => length <= ENVELOPE_BYTES_MAX.record)
      .slice(0, CACHED_RECORDS_MAX)
    saveCachedList(join(this.path, 'records.cbor'), kept)
  }

  /** Unverified, as records are; a revocation that is lost is heard again from the next member. */
  loadNotices(): Uint8Array[] {
    return readList(join(this.path, 'notices.cbor'), NOTICES_BYTES_MAX)
  }

  saveNotices(notices: readonly Uint8Array[]): void {
    saveList(join(this.path, 'notices.cbor'), notices)
  }

  /** The authority's key, if this host is an authority. */
  loadAuthorityKey(): AuthorityKey | undefined {
    return loadState({
      ...this.#file('authority.json', 'authority key', authoritySchema),
      ifLost: 'restore it from a backup: without it nobody can be admitted to the network',
    })
  }

  saveAuthorityKey({ seed, delegation }: AuthorityKey): void {
    saveState(join(this.path, 'authority.json'), 'authority key', {
      seed: toBase64(seed),
      ...(delegation === undefined ? {} : { delegation: toBase64(delegation) }),
    })
  }

  /**
   * Forgets the network and every key. The authority's key is the only one that cannot be made anew,
   * so it takes `evenTheAuthority`. Repeatable: an interrupted leave is finished by the next.
   */
  leave({ evenTheAuthority = false }: { readonly evenTheAuthority?: boolean } = {}): void {
    const authorityPath = join(this.path, 'authority.json')
    if (!evenTheAuthority && readBounded(authorityPath, 1 << 20) !== undefined) {
      throw new StateFault('holds-the-authority', {
        path: authorityPath,
        problem: 'this host holds the key of the network: without it nobody can join or renew',
        remedy: 'copy it to another host first, or pass --destroy-authority to end the network',
      })
    }
    const names = [
      'membership.json',
      'records.cbor',
      'notices.cbor',
      'version.json',
      'node.next.json',
      'node.json',
    ]
    const ofAuthority = ['authority.json', 'authority.db', 'authority.db-wal', 'authority.db-shm']
    onFile(this.path, () => {
      for (const name of [...names, ...ofAuthority]) rmSync(join(this.path, name), { force: true })
      removeTemporaries(this.path, 0)
      syncDirectory(this.path)
    })
  }

  #file<T>(file: string, name: string, content: z.ZodType<T>): StateFile<T> {
    return { path: join(this.path, file), name, content, ifLost: REJOIN }
  }
}

const keysSchema = z.strictObject({
  seed: base64Bytes(32),
  wireguardKey: base64Bytes(32),
  probeKey: base64Bytes(32),
  listenPort: z.int().min(1).max(65_535),
})

const membershipSchema = z.strictObject({
  network: base64Bytes(1, NETWORK_BYTES_MAX),
  certificate: base64Bytes(1, ENVELOPE_BYTES_MAX.certificate),
})

const versionSchema = z.strictObject({ version: z.int().min(0) })
const authoritySchema = z.strictObject({
  seed: base64Bytes(32),
  delegation: base64Bytes(1, ENVELOPE_BYTES_MAX.delegation).optional(),
})

export function newKeys(listenPort: number): NodeKeys {
  return {
    seed: generateSeed(),
    wireguardKey: generateX25519().privateKey,
    probeKey: generateX25519().privateKey,
    listenPort,
  }
}

function randomPort(): number {
  const random = new DataView(secureRandom(4).buffer).getUint32(0)
  return LISTEN_PORT_MIN + (random % (LISTEN_PORT_MAX - LISTEN_PORT_MIN + 1))
}

/** Making the parents too, Node says that nothing is there where the file system cannot be written. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  if (existsSync(dirname(path))) mkdirSync(path, { mode: 0o700 })
  else mkdirSync(path, { recursive: true, mode: 0o700 })
}
