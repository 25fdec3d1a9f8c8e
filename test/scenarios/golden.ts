// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'

/**
 * Compares a trace with the file of that name beside this one. UPDATE_GOLDEN=1 rewrites the file;
 * the change is then reviewed as a diff, because the trace is what the program does.
 */
export function expectGolden(name: string, trace: string): void {
  const file = new URL(`${name}.txt`, import.meta.url)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, trace)
  expect(existsSync(file), `no ${name}.txt: run with UPDATE_GOLDEN=1`).toBe(true)
  expect(trace).toBe(readFileSync(file, 'utf8'))
}
