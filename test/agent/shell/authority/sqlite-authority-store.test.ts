// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { openAuthorityStore } from '../../../../agent/shell/authority/sqlite-authority-store.ts'
import { wallTime } from '../../../../nat/clock.ts'
import { NOW, signer } from '../../../topology/sample-network.ts'
import { askToJoin, issue, sampleAuthority, nodesOf, tokensOf } from '../sample-authority.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const databaseIn = (directory: string) => join(directory, 'authority.db')

describe("the authority's file", () => {
  test('is readable by its owner only, its companions too', async () => {
    const { path } = sampleAuthority()
    for (const suffix of ['', '-wal', '-shm']) {
      expect(statSync(path + suffix).mode & 0o777, suffix).toBe(0o600)
    }
  })

  test('remembers members and tokens when it is opened again', async () => {
    const sample = sampleAuthority()
    await askToJoin(sample, { node: signer(20), token: await issue(sample), name: 'alpha' })
    const [nodes, tokens] = [await nodesOf(sample), await tokensOf(sample)]
    sample.store.close()
    const again = sampleAuthority(sample.path)
    expect(await nodesOf(again)).toEqual(nodes)
    expect(await tokensOf(again)).toEqual(tokens)
  })

  test('keeps nothing of a decision that failed', async () => {
    const { store } = sampleAuthority()
    const failing = store.transact((ledger) => {
      ledger.nextSerial(wallTime(0))
      throw new RangeError('no')
    })
    await expect(failing).rejects.toThrow(RangeError)
    expect(await store.transact((ledger) => ledger.nextSerial(wallTime(0)))).toBe(1)
  })

  test('gives serials that outgrow an older copy of the file', async () => {
    const { store } = sampleAuthority()
    const next = (ms: number) => store.transact((ledger) => ledger.nextSerial(wallTime(ms)))
    const serials = await Promise.all([5_000, 5_999, 4_000, 9_000].map(next))
    expect(serials).toEqual([5, 6, 7, 9])
  })

  test('is refused if it is damaged, foreign or of a later version', async () => {
    const path = databaseIn(temporaryDirectory())
    writeFileSync(
      path,
      'this is no database, and it is longer than a header of a hundred bytes'.repeat(9),
    )
    expect(() => openAuthorityStore(path)).toThrow(
      expect.objectContaining({ code: 'damaged', path }),
    )
    const foreign = databaseIn(temporaryDirectory())
    withDatabase(foreign, 'CREATE TABLE cats (name TEXT)')
    expect(() => openAuthorityStore(foreign)).toThrow(expect.objectContaining({ code: 'damaged' }))
    const { path: later, store } = sampleAuthority()
    store.close()
    withDatabase(later, 'PRAGMA user_version = 99')
    expect(() => openAuthorityStore(later)).toThrow(
      expect.objectContaining({
        code: 'newer-version',
        remedy: expect.stringContaining('upgrade'),
      }),
    )
  })

  test('is only made where it is asked for', async () => {
    const path = databaseIn(temporaryDirectory())
    const isDamaged = expect.objectContaining({ code: 'damaged', path })
    expect(() => openAuthorityStore(path)).toThrow(isDamaged)
    expect(existsSync(path)).toBe(false)
    writeFileSync(path, '')
    expect(() => openAuthorityStore(path)).toThrow(isDamaged)
    openAuthorityStore(path, { create: true }).close()
    openAuthorityStore(path).close()
  })

  test('that was cut off is refused, not taken for an empty one', async () => {
    const sample = sampleAuthority()
    await askToJoin(sample, { node: signer(20), token: await issue(sample), name: 'alpha' }, NOW)
    sample.store.close()
    const size = statSync(sample.path).size
    for (const length of [size - 4096, 4096, 100, 0]) {
      const path = databaseIn(temporaryDirectory())
      writeFileSync(path, readPart(sample.path, length))
      expect(() => {
        const store = openAuthorityStore(path)
        try {
          store.decide((ledger) => [ledger.nodes(), ledger.tokens()])
        } finally {
          store.close()
        }
      }, `${length} of ${size}`).toThrow(expect.objectContaining({ name: 'StateFault' }))
    }
  })
})

function withDatabase(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

function readPart(path: string, length: number): Uint8Array {
  return new Uint8Array(readFileSync(path)).subarray(0, length)
}
