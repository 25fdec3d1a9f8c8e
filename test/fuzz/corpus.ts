// SPDX-License-Identifier: Apache-2.0
/** Inputs that are kept: test/corpus/<target>.txt, one in hex a line; a line that begins with # says why the next one is there. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const DIRECTORY = join(import.meta.dirname, '../corpus')

const pathOf = (target: string) => join(DIRECTORY, `${target}.txt`)

export function readCorpus(target: string): Uint8Array[] {
  if (!existsSync(pathOf(target))) return []
  return readFileSync(pathOf(target), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => new Uint8Array(Buffer.from(line, 'hex')))
}

export function keepInput(target: string, input: Uint8Array, why: string): void {
  const comment = `# ${why.replaceAll(/\s+/g, ' ').slice(0, 160)}`
  appendFileSync(pathOf(target), `${comment}\n${Buffer.from(input).toString('hex')}\n`)
}
