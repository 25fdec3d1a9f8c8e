// SPDX-License-Identifier: Apache-2.0
/**
 * The authority's memory in one SQLite file. Write-ahead log with a flush at every commit, so what was
 * answered is never forgotten; every decision runs in BEGIN IMMEDIATE, so two processes decide one
 * after the other.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { AuthorityLedger, AuthorityStore } from './authority-store.ts'
import { DamagedDocument, DocumentLedger } from './document-ledger.ts'
import type { Documents } from './documents.ts'
import { migrate } from './sqlite-schema.ts'
import { onFile, StateFault } from '../state/state-fault.ts'

/** Another process holds the file for one admission at a time, which takes milliseconds. */
const BUSY_TIMEOUT_MS = 5_000

/**
 * `create`: makes the file if there is none; else a file that is missing or empty is a damaged one, and
 * not an authority that never admitted anybody. Throws StateFault.
 */
export function openAuthorityStore(
  path: string,
  { create = false }: { readonly create?: boolean } = {},
): SqliteAuthorityStore {
  if (!create && !existsSync(path)) throw damaged(path, 'is missing')
  // Made by us and not by SQLite, so that only the owner may read it; its companions take its mode.
  onFile(path, () => closeSync(openSync(path, 'a', 0o600)))
  return guarded(path, () => {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      migrate(database, { path, create })
      return new SqliteAuthorityStore(database, path)
    } catch (error) {
      database.close()
      throw error
    }
  })
}

export class SqliteAuthorityStore implements AuthorityStore {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #documents: Documents
  readonly #ledger: AuthorityLedger

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
    this.#documents = new SqliteDocuments(database)
    this.#ledger = new DocumentLedger(this.#documents)
  }

  async transact<T>(decide: (ledger: AuthorityLedger) => T): Promise<T> {
    return this.decide(decide)
  }

  async look<T>(at: (ledger: AuthorityLedger) => T): Promise<T> {
    return this.decide(at)
  }

  async documents<T>(work: (documents: Documents, ledger: AuthorityLedger) => T): Promise<T> {
    return this.decide((ledger) => work(this.#documents, ledger))
  }

  /** The same at once, for whoever cannot wait: one file needs no waiting. */
  decide<T>(decide: (ledger: AuthorityLedger) => T): T {
    return guarded(this.#path, () => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        const decision = decide(this.#ledger)
        this.#database.exec('COMMIT')
        return decision
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

class SqliteDocuments implements Documents {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(key: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM documents WHERE key = ?').get(key)
    return row === undefined ? undefined : String(row['value'])
  }

  list(prefix: string): readonly (readonly [string, string])[] {
    // '0' follows '/', with which every prefix ends.
    const end = `${prefix.slice(0, -1)}0`
    return this.#database
      .prepare('SELECT key, value FROM documents WHERE key >= ? AND key < ? ORDER BY key')
      .all(prefix, end)
      .map((row) => [String(row['key']), String(row['value'])] as const)
  }

  put(key: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO documents VALUES (?, ?)').run(key, value)
  }

  delete(key: string): void {
    this.#database.prepare('DELETE FROM documents WHERE key = ?').run(key)
  }
}

/** What SQLite throws, as a fault that names the file. */
function guarded<T>(path: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    if (error instanceof DamagedDocument) throw damaged(path, error.message, error)
    const { code, errcode, message } = error as Error & { code?: string; errcode?: number }
    if (code !== 'ERR_SQLITE_ERROR') throw error
    // SQLITE_CORRUPT and SQLITE_NOTADB, extended codes included.
    const primary = (errcode ?? 0) & 0xff
    if (primary === 11 || primary === 26) throw damaged(path, message, error)
    throw new StateFault('io', {
      path,
      problem: message,
      remedy:
        'see that the disk has room and that the file belongs to the user that runs the agent',
      cause: error,
    })
  }
}

function damaged(path: string, problem: string, cause?: unknown): StateFault {
  const remedy = 'stop the agent and restore authority.db from a backup'
  return new StateFault('damaged', { path, problem, remedy, cause })
}
