// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { readdir, rename, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expectSuccess } from './node-namespace.ts'

const sourceDir = fileURLToPath(new URL('./wire/', import.meta.url))
const program = fileURLToPath(new URL('../dist/lab-wire', import.meta.url))

/** The path of the link emulator, built first if it is missing or older than its source. */
export async function wireProgram(): Promise<string> {
  if (await isFresh()) return program
  // Several labs may find it missing at once.
  const fresh = `${program}.${process.pid}`
  const build = spawn('go', ['build', '-o', fresh, '.'], {
    cwd: sourceDir,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await expectSuccess(build, 'the link emulator does not build').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      throw new Error(
        'the link emulator (netns-lab/wire) is built by Go, which is missing: install it',
      )
    },
  )
  await rename(fresh, program)
  return program
}

async function isFresh(): Promise<boolean> {
  const built = await stat(program).catch(() => undefined)
  if (built === undefined) return false
  const sources = await readdir(sourceDir)
  const changed = await Promise.all(sources.map((file) => stat(`${sourceDir}${file}`)))
  return changed.every(({ mtimeMs }) => mtimeMs <= built.mtimeMs)
}
