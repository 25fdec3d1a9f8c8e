// SPDX-License-Identifier: Apache-2.0
/**
 * One ledger for several authorities, on an etcd cluster. Whoever holds the leader's key, which goes with a lease, decides;
 * the revision at which that key was made is its fencing token: every commit names it, and the version of the ledger that
 * was read. So a leader that was stopped for a while, or cut off, commits nothing once there is another one.
 *
 * ```
 * meshgate/NETWORK/leader     the holder's name, under its lease
 * meshgate/NETWORK/version    rewritten by each commit
 * meshgate/NETWORK/docs/KEY   the documents of document-ledger.ts
 * ```
 */
import { randomUUID } from 'node:crypto'
import type { QuorumStatus } from '../../core/status.ts'
import { Failure } from '../failure.ts'
import type { AuthorityLedger, AuthorityStore } from './authority-store.ts'
import { DocumentLedger } from './document-ledger.ts'
import type { Documents } from './documents.ts'
import { DocumentMap } from './document-map.ts'
import { EtcdClient } from './etcd-client.ts'

/** A leader that dies is missed for so long; one that is alive says so three times in it. */
const LEASE_S = 5
const KEEP_ALIVE_MS = (LEASE_S * 1_000) / 3

/** Others that were faster than us, before we give up. */
const ATTEMPTS_MAX = 8

interface Leadership {
  readonly lease: string
  /** The fencing token. */
  readonly token: string
}

interface Snapshot {
  readonly documents: ReadonlyMap<string, string>
  readonly version: string
}

export interface EtcdStoreOptions {
  readonly endpoints: readonly string[]
  readonly network: string
  /** Tells authorities apart for a person. */
  readonly holder?: string
  /** Takes the lead from whoever has it, until it is closed: for a person's command, which would find an agent leading for ever. */
  readonly takesOver?: boolean
  /** The ledger of the network so far, for a cluster that holds none yet: whoever is in must not have its address given again. */
  readonly soFar?: () => Promise<readonly (readonly [string, string])[]>
}

export class EtcdAuthorityStore implements AuthorityStore {
  readonly #client: EtcdClient
  readonly #prefix: string
  readonly #holder: string
  readonly #takesOver: boolean
  readonly #soFar: NonNullable<EtcdStoreOptions['soFar']>
  #leadership: Leadership | undefined
  /** As of our own last commit: nobody else commits while we lead. */
  #snapshot: Snapshot | undefined
  #timer: NodeJS.Timeout | undefined
  /** One decision after the other: each must see what the one before has written. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: EtcdStoreOptions) {
    const { endpoints, network, holder = randomUUID(), takesOver = false } = options
    this.#client = new EtcdClient(endpoints)
    this.#prefix = `meshgate/${network}/`
    this.#holder = holder
    this.#takesOver = takesOver
    this.#soFar = options.soFar ?? (async () => [])
  }

  /** Throws Failure `not-the-leader` where another authority decides, and `no-quorum` while etcd does not. */
  transact<T>(decide: (ledger: AuthorityLedger) => T): Promise<T> {
    return this.documents((_, ledger) => decide(ledger))
  }

  documents<T>(work: (documents: Documents, ledger: AuthorityLedger) => T): Promise<T> {
    const decision = this.#last.then(() => this.#decide(work))
    this.#last = decision.catch(() => undefined)
    return decision
  }

  /** Who decides, and which members of the cluster answer. Never rejects. */
  async status(): Promise<QuorumStatus> {
    const health = await this.#client.health()
    const leader = await this.#client.get(`${this.#prefix}leader`).catch(() => undefined)
    const healthy = health.filter((member) => member.healthy).length
    return {
      members: health,
      quorum: healthy > health.length / 2,
      leader: leader?.value ?? null,
    }
  }

  close(): void {
    this.#resign()
  }

  /** Lets go of the lease too: while it is kept, nobody could lead. */
  #resign(): void {
    clearInterval(this.#timer)
    const held = this.#leadership
    this.#leadership = undefined
    if (held !== undefined) void this.#client.revokeLease(held.lease).catch(() => undefined)
  }

  async #yieldUnlessLeading(token: string): Promise<void> {
    const leader = await this.#client.get(`${this.#prefix}leader`)
    if (leader?.createRevision !== token) this.#resign()
  }

  async #decide<T>(work: (documents: Documents, ledger: AuthorityLedger) => T): Promise<T> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { token } = await this.#lead()
      const { documents, version } = (this.#snapshot ??= await this.#read())
      const overlay = new DocumentMap(documents)
      if (documents.get('serial') === undefined)
        for (const [key, value] of await this.#soFar()) overlay.put(key, value)
      const decision = work(overlay, new DocumentLedger(overlay))
      const writes = [...overlay.changes].map(([key, value]) => ({
        key: `${this.#prefix}docs/${key}`,
        value,
      }))
      const committed = await this.#client.commit(
        [
          { key: `${this.#prefix}leader`, target: 'CREATE', revision: token },
          { key: `${this.#prefix}version`, target: 'MOD', revision: version },
        ],
        writes.length === 0 ? [] : [...writes, { key: `${this.#prefix}version`, value: token }],
      )
      if (committed !== undefined) {
        if (writes.length > 0) this.#snapshot = { documents: overlay.merged(), version: committed }
        return decision
      }
      // Somebody else leads, or led in between, or the answer to an earlier try was lost: what we know is out of date.
      this.#snapshot = undefined
      await this.#yieldUnlessLeading(token)
    }
    throw new Failure('no-quorum', 'the shared store changes too often', {
      remedy: 'try again; one authority at a time should decide',
    })
  }

  async #read(): Promise<Snapshot> {
    const prefix = `${this.#prefix}docs/`
    // The version first: a commit between the two makes ours fail, and never pass unseen.
    const version = (await this.#client.get(`${this.#prefix}version`))?.modRevision ?? '0'
    const items = await this.#client.list(prefix)
    const documents = new Map(items.map(({ key, value }) => [key.slice(prefix.length), value]))
    return { documents, version }
  }

  async #lead(): Promise<Leadership> {
    if (this.#leadership !== undefined) return this.#leadership
    const key = `${this.#prefix}leader`
    const lease = await this.#client.grantLease(LEASE_S)
    const taken = await this.#takeLead(key, lease)
    if (taken === undefined) {
      void this.#client.revokeLease(lease).catch(() => undefined)
      const leader = await this.#client.get(key)
      throw new Failure('not-the-leader', `${leader?.value ?? 'another authority'} decides now`, {
        remedy: 'ask that one; this host takes over within seconds if it dies',
      })
    }
    this.#snapshot = undefined
    this.#leadership = { lease, token: taken }
    clearInterval(this.#timer)
    this.#timer = setInterval(() => void this.#keepLeading(lease), KEEP_ALIVE_MS)
    this.#timer.unref()
    return this.#leadership
  }

  /** The fencing token; undefined where somebody else has the lead. */
  async #takeLead(key: string, lease: string): Promise<string | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const taken = await this.#client.commit(
        [{ key, target: 'CREATE', revision: '0' }],
        [{ key, value: this.#holder, lease }],
      )
      if (taken !== undefined || !this.#takesOver) return taken
      const leader = await this.#client.get(key)
      if (leader === undefined) continue
      // What the one before has not committed yet names its key, and fails from here on.
      const condition = { key, target: 'CREATE', revision: leader.createRevision } as const
      await this.#client.commit([condition], [{ key, value: undefined }])
    }
    return undefined
  }

  async #keepLeading(lease: string): Promise<void> {
    const lives = await this.#client.keepAlive(lease).catch(() => true)
    // If etcd is away the lease runs out there, and the next commit tells.
    if (!lives && this.#leadership?.lease === lease) this.#resign()
  }
}
