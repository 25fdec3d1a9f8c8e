// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Child {
  readonly process: ChildProcess
  /** Lines of its standard output, as far as they have come. */
  readonly lines: string[]
  /** Resolves when it has ended and all of its output was read. */
  readonly ended: Promise<unknown>
}

/** Runs a script of this directory in a process of its own, which does not outlive the test. */
export function startChild(script: string, ...args: string[]): Child {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return { process: child, lines, ended: once(child, 'close') }
}

/** Resolves when the child has said at least so many lines, or has ended. */
export async function said(child: Child, lines: number): Promise<void> {
  while (child.lines.length < lines && child.process.exitCode === null) {
    await Promise.race([once(child.process.stdout!, 'data'), child.ended])
  }
}
