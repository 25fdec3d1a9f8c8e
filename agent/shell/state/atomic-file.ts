// SPDX-License-Identifier: Apache-2.0
/**
 * Files that are either the old or the new one, whenever the process is killed or the power fails:
 * write beside it, flush, rename over it, flush the directory.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { onFile, StateFault } from './state-fault.ts'

const TEMPORARY = /^\..+\.[0-9a-f]{16}\.tmp$/

export interface StoredFile {
  readonly bytes: Uint8Array
  /** Permission bits. */
  readonly mode: number
}

/** Throws StateFault 'io'. */
export function writeAtomic(path: string, bytes: Uint8Array, mode: number): void {
  replace(path, mode, (file) => {
    writeWhole(file, bytes)
    fsyncSync(file)
  })
  onFile(path, () => syncDirectory(dirname(path)))
}

/**
 * For what may be lost when the power fails, and is read as if it might be damaged: nothing waits for the disk, which can
 * take longer than others wait for our answers. A killed process leaves the old or the new one here, too.
 * Throws StateFault 'io'.
 */
export function writeCache(path: string, bytes: Uint8Array, mode: number): void {
  replace(path, mode, (file) => writeWhole(file, bytes))
}

function replace(path: string, mode: number, write: (file: number) => void): void {
  const suffix = randomBytes(8).toString('hex')
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`)
  onFile(path, () => {
    try {
      const file = openSync(temporary, 'wx', mode)
      try {
        write(file)
      } finally {
        closeSync(file)
      }
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  })
}

/** Undefined if there is no such file. Throws StateFault 'io', and 'damaged' if it is larger than `maxBytes`. */
export function readBounded(path: string, maxBytes: number): StoredFile | undefined {
  return onFile(path, () => {
    const file = openIfPresent(path)
    if (file === undefined) return undefined
    try {
      const { size, mode } = fstatSync(file)
      if (size > maxBytes) {
        throw new StateFault('damaged', {
          path,
          problem: `${size} bytes, where at most ${maxBytes} were written`,
          remedy: 'restore it from a backup, or leave the network and join again',
        })
      }
      const bytes = new Uint8Array(size)
      let at = 0
      while (at < size) {
        const read = readSync(file, bytes, at, size - at, at)
        if (read === 0) break
        at += read
      }
      return { bytes: bytes.subarray(0, at), mode: mode & 0o777 }
    } finally {
      closeSync(file)
    }
  })
}

/**
 * Removes what a killed writer left behind: it was never the file, and may hold a secret. `ageMs`: what
 * is younger may be another process's that is just writing.
 */
export function removeTemporaries(directory: string, ageMs: number): void {
  onFile(directory, () => {
    for (const name of readdirSync(directory).filter((name) => TEMPORARY.test(name))) {
      const path = join(directory, name)
      const writtenAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs
      if (writtenAt !== undefined && Date.now() - writtenAt >= ageMs) rmSync(path, { force: true })
    }
  })
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  let at = 0
  while (at < bytes.length) at += writeSync(file, bytes, at)
}

function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
