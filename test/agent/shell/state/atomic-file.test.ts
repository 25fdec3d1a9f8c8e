// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  readBounded,
  removeTemporaries,
  writeAtomic,
  writeCache,
} from '../../../../agent/shell/state/atomic-file.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

describe.each([
  ['an atomic file', writeAtomic],
  ['a cache', writeCache],
])('%s', (_, write) => {
  test('is replaced as a whole and leaves nothing beside it', () => {
    const path = join(temporaryDirectory(), 'file')
    expect(readBounded(path, 10)).toBeUndefined()
    write(path, Uint8Array.of(1, 2, 3), 0o600)
    write(path, Uint8Array.of(4), 0o640)
    expect(readBounded(path, 10)).toEqual({ bytes: Uint8Array.of(4), mode: 0o640 })
    expect(readdirSync(join(path, '..'))).toEqual(['file'])
  })

  test('larger than it can have been written is refused unread', () => {
    const path = join(temporaryDirectory(), 'file')
    write(path, new Uint8Array(11), 0o600)
    expect(() => readBounded(path, 10)).toThrow(expect.objectContaining({ code: 'damaged', path }))
  })

  test('in a directory that is not there is a fault that names it', () => {
    const path = join(temporaryDirectory(), 'nowhere', 'file')
    const fault = expect.objectContaining({ name: 'StateFault', code: 'io', path })
    expect(() => write(path, new Uint8Array(), 0o600)).toThrow(fault)
  })

  test('is not touched when leftovers of killed writers are removed', () => {
    const directory = temporaryDirectory()
    const keep = join(directory, 'notes.tmp')
    writeFileSync(keep, 'mine')
    write(join(directory, 'file'), new Uint8Array(2), 0o600)
    writeFileSync(join(directory, '.file.0011223344556677.tmp'), 'half')
    removeTemporaries(directory, 60_000)
    expect(readdirSync(directory)).toHaveLength(3)
    removeTemporaries(directory, 0)
    expect(readdirSync(directory).toSorted()).toEqual(['file', 'notes.tmp'])
    expect(statSync(keep).size).toBe(4)
  })
})
