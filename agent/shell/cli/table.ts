// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import Table from 'cli-table3'

/** What fits on most terminals and in a mail. */
export const WIDTH = 100

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((part) => [part, '']),
)

/** Columns without lines. `widths` bounds a column, whose text is then cut or wrapped to it. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly (number | null)[] = [],
): string {
  const made = new Table({
    head: head.map((title) => styleText('dim', title, { stream: process.stdout })),
    chars: { ...NO_LINES, middle: '' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1 },
    colWidths: [...widths],
    wordWrap: true,
  })
  made.push(...rows.map((row) => [...row]))
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
