// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export interface HelperBuild {
  readonly version: string
  /** Go's name of the processor; undefined: this machine's. */
  readonly processor?: 'amd64' | 'arm64'
  /** Absolute path of the program to write. */
  readonly output: string
}

/** Throws Error with what is missing. */
export function buildHelper({ version, processor, output }: HelperBuild): void {
  const args = ['build', '-trimpath', `-ldflags=-s -w -X main.version=${version}`, '-o', output]
  const target = processor === undefined ? {} : { GOOS: 'linux', GOARCH: processor }
  const result = spawnSync('go', [...args, './cmd/meshgate-helper'], {
    cwd: join(import.meta.dirname, '../native'),
    env: { ...process.env, CGO_ENABLED: '0', ...target },
    stdio: 'inherit',
  })
  if (result.error !== undefined)
    throw new Error('Go is needed to build the helper and was not found: put it on PATH')
  if (result.status !== 0) throw new Error('the helper could not be built')
}
