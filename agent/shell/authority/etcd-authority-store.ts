// SPDX-License-Identifier: Apache-2.0
/**
 * One ledger for several authorities, on an etcd cluster. Whoever leads (etcd-leadership.ts) decides: every commit names the
 * fencing token of the lead, and the version of the ledger that was read. So a leader that was stopped for a while, or cut
 * off, commits nothing once there is another one. Looking needs no lead.
 *
 * ```
 * meshgate/NETWORK/leader     the holder's name, under its lease
 * meshgate/NETWORK/version    rewritten by each commit
 * meshgate/NETWORK/docs/KEY   the documents of document-ledger.ts
 * ```
 */
import { randomUUID } from 'node:crypto'
import { isQuorum } from '../../core/authority-quorum.ts'
import type { QuorumStatus } from '../../core/status.ts'
import { Failure } from '../failure.ts'
import type { AuthorityLedger, AuthorityStore } from './authority-store.ts'
import { DocumentLedger } from './document-ledger.ts'
import type { Documents } from './documents.ts'
import { DocumentMap } from './document-map.ts'
import type { EtcdAccess } from '../state/etcd-config.ts'
import { EtcdClient } from './etcd-client.ts'
import { EtcdLeadership } from './etcd-leadership.ts'

/** Others that were faster than us, before we give up. */
const ATTEMPTS_MAX = 8

type Work<T> = (documents: Documents, ledger: AuthorityLedger) => T

interface Snapshot {
  readonly documents: ReadonlyMap<string, string>
  readonly version: string
}

export interface EtcdStoreOptions {
  readonly etcd: EtcdAccess
  readonly network: string
  /** Tells authorities apart for a person. */
  readonly holder?: string
  /** Takes the lead from whoever has it, until it is closed: for a person's command, which would find an agent leading for ever. */
  readonly takesOver?: boolean
  readonly earlier?: EarlierLedger
}

/** The ledger of the network so far, for a cluster that holds none yet: whoever is in must not have its address given again. */
export interface EarlierLedger {
  /** Throws Failure where there ought to be one. */
  documents(): Promise<readonly (readonly [string, string])[]>
  /** Whether `documents` would throw for that. */
  isMissing(): boolean
  /** The cluster holds a ledger, whoever began it: the earlier one is out of date from now on. */
  superseded(): void
}

const NONE: EarlierLedger = {
  documents: async () => [],
  isMissing: () => false,
  superseded: () => undefined,
}

export class EtcdAuthorityStore implements AuthorityStore {
  readonly #client: EtcdClient
  readonly #prefix: string
  readonly #leadership: EtcdLeadership
  readonly #takesOver: boolean
  readonly #earlier: EarlierLedger
  /** As of our own last commit: nobody else commits while we lead. */
  #snapshot: Snapshot | undefined
  /** As of our last look while another leads. */
  #seen: Snapshot | undefined
  /** One decision after the other: each must see what the one before has written. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: EtcdStoreOptions) {
    const { etcd, network, holder = randomUUID(), takesOver = false, earlier = NONE } = options
    this.#client = new EtcdClient(etcd)
    this.#prefix = `meshgate/${network}/`
    this.#leadership = new EtcdLeadership(this.#client, `${this.#prefix}leader`, holder)
    this.#takesOver = takesOver
    this.#earlier = earlier
  }

  /** Throws Failure `not-the-leader` where another authority decides, and `no-quorum` while etcd does not. */
  transact<T>(decide: (ledger: AuthorityLedger) => T): Promise<T> {
    return this.documents((_, ledger) => decide(ledger))
  }

  documents<T>(work: Work<T>): Promise<T> {
    return this.#inTurn(() => this.#decide(work, this.#takesOver))
  }

  /** Throws Failure `no-quorum` while etcd does not answer. */
  look<T>(at: (ledger: AuthorityLedger) => T): Promise<T> {
    return this.#inTurn(async () => {
      if (this.#leadership.isHeld) {
        // Cheaper than to read all of it; and it tells whether we still lead.
        const seen = await this.#decide((_, ledger) => ({ value: at(ledger) }), false).catch(
          unlessOtherLeads,
        )
        if (seen !== undefined) return seen.value
      }
      this.#seen = await this.#read(this.#seen)
      return at(new DocumentLedger(await this.#begun(this.#seen.documents)))
    })
  }

  /** The same store for what a person wants: it is done by the authority that was asked, which leads from then on. */
  get forPeople(): AuthorityStore {
    const documents = <T>(work: Work<T>) => this.#inTurn(() => this.#decide(work, true))
    return {
      transact: (decide) => documents((_, ledger) => decide(ledger)),
      look: (at) => this.look(at),
      documents,
      close: () => this.close(),
    }
  }

  /** Who decides, and which members of the cluster answer. Never rejects. */
  async status(): Promise<QuorumStatus> {
    const members = await this.#client.health()
    const leader = await this.#leadership.leader().catch(() => undefined)
    const ledgerLost = await this.#isLedgerLost().catch(() => false)
    return { members, quorum: isQuorum(members), leader: leader ?? null, ledgerLost }
  }

  async #isLedgerLost(): Promise<boolean> {
    const serial = await this.#client.get(`${this.#prefix}docs/serial`)
    return serial === undefined && this.#earlier.isMissing()
  }

  close(): void {
    this.#leadership.resign()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #decide<T>(work: Work<T>, takesOver: boolean): Promise<T> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { token, isNew } = await this.#leadership.take(takesOver)
      if (isNew) this.#snapshot = undefined
      const { documents, version } = (this.#snapshot ??= await this.#read())
      const overlay = await this.#begun(documents)
      const decision = work(overlay, new DocumentLedger(overlay))
      const writes = [...overlay.changes].map(([key, value]) => ({
        key: `${this.#prefix}docs/${key}`,
        value,
      }))
      const committed = await this.#client.commit(
        [
          { key: this.#leadership.key, target: 'CREATE', revision: token },
          { key: `${this.#prefix}version`, target: 'MOD', revision: version },
        ],
        writes.length === 0 ? [] : [...writes, { key: `${this.#prefix}version`, value: token }],
      )
      if (committed !== undefined) {
        if (writes.length > 0) this.#snapshot = { documents: overlay.merged(), version: committed }
        if (overlay.get('serial') !== undefined) this.#earlier.superseded()
        return decision
      }
      // Somebody else leads, or led in between, or the answer to an earlier try was lost: what we know is out of date.
      this.#snapshot = undefined
      await this.#leadership.resignUnlessLeading(token)
    }
    throw new Failure('no-quorum', 'the shared store changes too often', {
      remedy: 'try again; one authority at a time should decide',
    })
  }

  /** A cluster that holds no ledger begins with the earlier one. */
  async #begun(documents: ReadonlyMap<string, string>): Promise<DocumentMap> {
    const overlay = new DocumentMap(documents)
    if (documents.get('serial') === undefined)
      for (const [key, value] of await this.#earlier.documents()) overlay.put(key, value)
    return overlay
  }

  /** `known`: what is to be had without reading all of it again, if nobody has committed since. */
  async #read(known?: Snapshot): Promise<Snapshot> {
    const prefix = `${this.#prefix}docs/`
    // The version first: a commit between the two makes ours fail, and never pass unseen.
    const version = (await this.#client.get(`${this.#prefix}version`))?.modRevision ?? '0'
    if (known !== undefined && known.version === version && version !== '0') return known
    const items = await this.#client.list(prefix)
    const documents = new Map(items.map(({ key, value }) => [key.slice(prefix.length), value]))
    return { documents, version }
  }
}

function unlessOtherLeads(error: unknown): undefined {
  if (error instanceof Failure && error.code === 'not-the-leader') return undefined
  throw error
}
