// SPDX-License-Identifier: Apache-2.0
/**
 * The table of the authority's file: see document-ledger.ts for what is in it. Their version is SQLite's user_version; each step below brings
 * a file from the version that is its index to the next one.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StateFault } from '../state/state-fault.ts'

/** "mshg": tells the file from any other program's. */
const APPLICATION_ID = 0x6d736867

const STEPS = [
  'CREATE TABLE documents (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;',
]

/** Makes or upgrades the tables, as one transaction. Throws StateFault 'damaged' or 'newer-version'. */
export function migrate(
  database: DatabaseSync,
  { path, create }: { readonly path: string; readonly create: boolean },
): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = pragma(database, 'user_version')
    const application = pragma(database, 'application_id')
    if (version > STEPS.length) {
      throw new StateFault('newer-version', {
        path,
        problem: `was written by a later meshgate (tables ${version}, we know ${STEPS.length})`,
        remedy: 'upgrade meshgate on this host',
      })
    }
    const isEmpty = version === 0 && !hasTables(database)
    if (isEmpty ? !create : application !== APPLICATION_ID) {
      throw new StateFault('damaged', {
        path,
        problem: isEmpty ? 'is empty' : 'is a database of another program',
        remedy: 'stop the agent and restore authority.db from a backup',
      })
    }
    for (const step of STEPS.slice(version)) database.exec(step)
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    database.exec(`PRAGMA user_version = ${STEPS.length}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== undefined
}
