// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { requireRoot } from './machine-check.ts'

const lab = fileURLToPath(new URL('../scripts/lab', import.meta.url))

/** Runs this command again under sudo and ends with its exit code, unless this is root already. Throws without sudo. */
export function becomeRoot(): void {
  if (process.getuid?.() === 0) return
  const again = spawnSync('sudo', ['--', lab, ...process.argv.slice(2)], { stdio: 'inherit' })
  // No sudo on this machine: say what is needed.
  if (again.error !== undefined) requireRoot()
  process.exit(again.status ?? 1)
}
