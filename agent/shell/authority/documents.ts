// SPDX-License-Identifier: Apache-2.0
/** Text under keys, inside one transaction. */
export interface Documents {
  get(key: string): string | undefined
  /** Values of all keys that begin so, sorted by key. */
  list(prefix: string): readonly (readonly [key: string, value: string])[]
  put(key: string, value: string): void
  delete(key: string): void
}
