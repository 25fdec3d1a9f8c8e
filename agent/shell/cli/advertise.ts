// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { stringify } from 'smol-toml'
import { Failure } from '../failure.ts'

/** Begins a configuration file; one that exists is the operator's and is never touched. */
export function writeAdvertise(path: string, addresses: readonly string[]): void {
  const text = `# Addresses at which other hosts reach this one.\n${stringify({ advertise: [...addresses] })}`
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    throw new Failure('config-not-written', `${path} could not be written: ${String(error)}`, {
      remedy: `write it yourself: advertise = ${JSON.stringify(addresses)}`,
      cause: error,
    })
  }
}
