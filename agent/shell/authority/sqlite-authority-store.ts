// SPDX-License-Identifier: Apache-2.0
/**
 * The authority's memory in one SQLite file. Write-ahead log with a flush at every commit, so what was
 * answered is never forgotten; every decision runs in BEGIN IMMEDIATE, so two processes decide one
 * after the other.
 */
import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import type { WallTime } from '../../../nat/clock.ts'
import { readCertificate } from '../../../topology/certificate-codec.ts'
import type { Grant, TokenId } from '../../../topology/grant.ts'
import type { NodeId } from '../../../topology/identity.ts'
import type { AuthorityLedger, AuthorityStore, StoredNode, StoredToken } from './authority-store.ts'
import { migrate } from './sqlite-schema.ts'
import { onFile, StateFault } from '../state/state-fault.ts'

/** Another process holds the file for one admission at a time, which takes milliseconds. */
const BUSY_TIMEOUT_MS = 5_000

type Row = Record<string, SQLOutputValue>

/**
 * `create`: makes the file if there is none; else a file that is missing or empty is a damaged one, and
 * not an authority that never admitted anybody. Throws StateFault.
 */
export function openAuthorityStore(
  path: string,
  { create = false }: { readonly create?: boolean } = {},
): AuthorityStore {
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

class SqliteAuthorityStore implements AuthorityStore {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #ledger: AuthorityLedger

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
    this.#ledger = new SqliteLedger(database, path)
  }

  transact<T>(decide: (ledger: AuthorityLedger) => T): T {
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

  createToken({ grant, proofKey, createdAt }: Omit<StoredToken, 'used' | 'revoked'>): void {
    this.#run('INSERT INTO tokens (id, grant_json, proof_key, created_at) VALUES (?, ?, ?, ?)', [
      grant.id,
      JSON.stringify(grant),
      proofKey,
      createdAt,
    ])
  }

  listTokens(): StoredToken[] {
    const sql = 'SELECT * FROM tokens ORDER BY created_at DESC, id'
    return guarded(this.#path, () => this.#database.prepare(sql).all().map(tokenOf))
  }

  revokeToken(id: TokenId): boolean {
    return this.#run('UPDATE tokens SET revoked = 1 WHERE id = ?', [id]) > 0
  }

  listNodes(): StoredNode[] {
    return guarded(this.#path, () =>
      this.#database
        .prepare('SELECT * FROM nodes ORDER BY name')
        .all()
        .map((row) => nodeOf(row, this.#path)),
    )
  }

  forgetNode(name: string): boolean {
    return this.transact(() => {
      this.#run(
        `INSERT OR REPLACE INTO retired_addresses SELECT ipv4, not_after FROM nodes WHERE name = ?`,
        [name],
      )
      return this.#run('DELETE FROM nodes WHERE name = ?', [name]) > 0
    })
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #run(sql: string, values: (string | number | Uint8Array)[]): number {
    return guarded(this.#path, () => Number(this.#database.prepare(sql).run(...values).changes))
  }
}

class SqliteLedger implements AuthorityLedger {
  readonly #database: DatabaseSync
  readonly #path: string

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
  }

  token(id: TokenId): StoredToken | undefined {
    const row = this.#get('SELECT * FROM tokens WHERE id = ?', id)
    return row === undefined ? undefined : tokenOf(row)
  }

  node(id: NodeId): StoredNode | undefined {
    const row = this.#get('SELECT * FROM nodes WHERE id = ?', id)
    return row === undefined ? undefined : nodeOf(row, this.#path)
  }

  nodeNamed(name: string): StoredNode | undefined {
    const row = this.#get('SELECT * FROM nodes WHERE name = ?', name)
    return row === undefined ? undefined : nodeOf(row, this.#path)
  }

  wasAdmitted(token: TokenId, node: NodeId): boolean {
    return (
      this.#get('SELECT 1 FROM admissions WHERE token = ? AND node = ?', token, node) !== undefined
    )
  }

  takenIpv4(now: WallTime): ReadonlySet<string> {
    const sql = `SELECT ipv4 FROM nodes UNION SELECT ipv4 FROM retired_addresses WHERE not_after > ?`
    return new Set(
      this.#database
        .prepare(sql)
        .all(now)
        .map((row) => String(row['ipv4'])),
    )
  }

  nextSerial(now: WallTime): number {
    // The clock outruns the counter, so serials grow even if the file is an old copy.
    const sql = `UPDATE counters SET value = max(value + 1, ?) WHERE name = 'serial' RETURNING value`
    return Number(this.#get(sql, Math.floor(now / 1000))?.['value'])
  }

  putNode({ certificate, certificateBytes, token, ephemeral }: StoredNode): void {
    this.#run(
      // Another node's name or address is a conflict that fails, never a row that is replaced.
      `INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
         name = excluded.name, ipv4 = excluded.ipv4, certificate = excluded.certificate,
         not_after = excluded.not_after, token = excluded.token, ephemeral = excluded.ephemeral`,
      certificate.node,
      certificate.name,
      certificate.ipv4,
      certificateBytes,
      certificate.notAfter,
      token,
      ephemeral ? 1 : 0,
    )
  }

  countUse(token: TokenId, node: NodeId): void {
    this.#run('INSERT INTO admissions VALUES (?, ?)', token, node)
    this.#run('UPDATE tokens SET used = used + 1 WHERE id = ?', token)
  }

  dropLapsed(now: WallTime): void {
    this.#run('DELETE FROM nodes WHERE ephemeral = 1 AND not_after <= ?', now)
    this.#run('DELETE FROM retired_addresses WHERE not_after <= ?', now)
  }

  #get(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#database.prepare(sql).get(...values)
  }

  #run(sql: string, ...values: (string | number | null | Uint8Array)[]): void {
    this.#database.prepare(sql).run(...values)
  }
}

function tokenOf(row: Row): StoredToken {
  return {
    grant: JSON.parse(String(row['grant_json'])) as Grant,
    proofKey: row['proof_key'] as Uint8Array,
    used: Number(row['used']),
    revoked: row['revoked'] === 1,
    createdAt: Number(row['created_at']) as WallTime,
  }
}

function nodeOf(row: Row, path: string): StoredNode {
  const certificateBytes = row['certificate'] as Uint8Array
  const certificate = readCertificate(certificateBytes)
  if (!certificate.ok) throw damaged(path, `certificate of ${String(row['name'])} cannot be read`)
  return {
    certificate: certificate.value,
    certificateBytes,
    token: row['token'] as TokenId | null,
    ephemeral: row['ephemeral'] === 1,
  }
}

/** What SQLite throws, as a fault that names the file. */
function guarded<T>(path: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
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
