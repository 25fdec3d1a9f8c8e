// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import { failureDocument } from '../failure.ts'

/** Says on stderr what went wrong and what to do; returns the exit code. */
export function reportFailure(error: unknown, asJson: boolean): number {
  const document = failureDocument(error)
  const { code, message, remedy } = document.error
  if (asJson) process.stderr.write(`${JSON.stringify(document)}\n`)
  else {
    const head = styleText('red', 'error:', { stream: process.stderr })
    process.stderr.write(`${head} ${message}\n${remedy === '' ? '' : `  ${remedy}\n`}`)
  }
  // A fault of our own: whoever mends it needs to know where.
  if (code === 'internal' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  const { exitCode } = (error ?? {}) as { exitCode?: unknown }
  return exitCode === 2 ? 2 : 1
}
