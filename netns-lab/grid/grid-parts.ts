// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NatKindName } from '../nat-kinds.ts'
import type { GridPart } from './grid-site.ts'
import type { GridCell } from './measure-grid.ts'

/**
 * Rows and columns of one lab. Of ten hosts, and two hubs, those that search take so much of two cores that a host which
 * comes up meanwhile waits for its turn: its first paths then came after 2.7 s instead of 0.9 s.
 */
export const PART_KINDS = 4

/** The grid in squares, row by row. */
export function gridParts(kinds: readonly NatKindName[]): GridPart[] {
  const starts = [...kinds.keys()].filter((index) => index % PART_KINDS === 0)
  const groups = starts.map((start) => kinds.slice(start, start + PART_KINDS))
  return groups.flatMap((rows) => groups.map((columns) => ({ rows, columns })))
}

/** What was measured, in files, so that a run that was interrupted can go on where it was. */
export class KeptParts {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async load(name: string): Promise<GridCell[] | undefined> {
    const text = await readFile(join(this.#directory, name), 'utf8').catch(() => undefined)
    return text === undefined ? undefined : (JSON.parse(text) as GridCell[])
  }

  async keep(name: string, cells: readonly GridCell[]): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    await writeFile(join(this.#directory, name), JSON.stringify(cells))
  }
}
