// SPDX-License-Identifier: Apache-2.0
import type { Documents } from './documents.ts'

/** Documents in memory, and what a decision changes about them, apart until it is kept. */
export class DocumentMap implements Documents {
  /** Undefined: removed. */
  readonly changes = new Map<string, string | undefined>()
  readonly #base: ReadonlyMap<string, string>

  constructor(base: ReadonlyMap<string, string>) {
    this.#base = base
  }

  get(key: string): string | undefined {
    return this.changes.has(key) ? this.changes.get(key) : this.#base.get(key)
  }

  list(prefix: string): (readonly [string, string])[] {
    return [...this.merged()]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }

  put(key: string, value: string): void {
    this.changes.set(key, value)
  }

  delete(key: string): void {
    this.changes.set(key, undefined)
  }

  /** As it is with the changes. */
  merged(): ReadonlyMap<string, string> {
    const merged = new Map(this.#base)
    for (const [key, value] of this.changes) {
      if (value === undefined) merged.delete(key)
      else merged.set(key, value)
    }
    return merged
  }
}
