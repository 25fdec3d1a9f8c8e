// SPDX-License-Identifier: Apache-2.0
/**
 * docs/membership.md holds what scripts have measured, a section for each command: whoever runs the command anew replaces what stands
 * there. A command without a section (fewer hosts, another seed) leaves the page as it is. As a program: `measured.ts COMMAND`, the
 * text on standard input.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const PAGE = join(import.meta.dirname, '../docs/membership.md')

/** The page with another result of one command; undefined if it has no section for it. */
export function withResult(page: string, command: string, result: string): string | undefined {
  const heading = `## \`${command}\`\n`
  const begin = page.indexOf(heading)
  const open = page.indexOf('```\n', begin) + 4
  const close = page.indexOf('\n```', open - 1)
  if (begin === -1 || open === 3 || close === -1) return undefined
  return `${page.slice(0, open)}${result.trimEnd()}${page.slice(close)}`
}

export function keepMeasured(command: string, result: string): void {
  const page = withResult(readFileSync(PAGE, 'utf8'), command, result)
  if (page !== undefined) writeFileSync(PAGE, page)
}

if (import.meta.main) keepMeasured(process.argv[2] ?? '', await text(process.stdin))
