// SPDX-License-Identifier: Apache-2.0
/** A text that is shown again and again, in place, until the terminal's owner has seen enough. */
import { delay } from '../clock.ts'

const EVERY_MS = 1_000
/** The second screen of a terminal: what was there before comes back at the end. */
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_TO_END = '\x1b[J'

/** Ends with SIGINT. Text that is no terminal's comes one after the other. */
export async function watch(text: () => Promise<string>): Promise<void> {
  const { stdout } = process
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  if (stdout.isTTY) stdout.write(ENTER)
  try {
    while (!stop.signal.aborted) {
      const shown = await text()
      const rows = stdout.isTTY ? shown.split('\n').slice(0, stdout.rows) : shown.split('\n')
      // Each line clears what was longer before: nothing flickers.
      const body = stdout.isTTY ? rows.map((row) => `${row}\x1b[K`).join('\n') : rows.join('\n')
      stdout.write(stdout.isTTY ? `${HOME}${body}${CLEAR_TO_END}` : `${body}\n\n`)
      await delay(EVERY_MS, stop.signal)
    }
  } finally {
    if (stdout.isTTY) stdout.write(LEAVE)
  }
}
