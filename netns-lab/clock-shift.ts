// SPDX-License-Identifier: Apache-2.0
/**
 * What NODE_OPTIONS has to be for a program on Node to see another time. A namespace has the machine's own clock: only what is
 * run with this is given another one.
 */

export const DAY_MS = 86_400_000

/** `aheadMs`: ahead of the machine's clock; negative is behind it. */
export function clockShift(aheadMs: number): string {
  return option(`Date.now=(now=>()=>now()+${aheadMs})(Date.now)`)
}

/** A clock that can be set while the program runs: the file tells how many ms it is ahead, and may be missing. */
export function settableClock(file: string): string {
  return option(
    `import { readFileSync, watchFile } from 'node:fs'
    const machine = Date.now
    let aheadMs = 0
    const read = () => { try { aheadMs = Number(readFileSync(${JSON.stringify(file)}, 'utf8')) } catch { aheadMs = 0 } }
    read()
    watchFile(${JSON.stringify(file)}, { interval: 100, persistent: false }, read)
    globalThis.Date = class extends Date {
      constructor(...when) { if (when.length === 0) super(machine() + aheadMs); else super(...when) }
      static now() { return machine() + aheadMs }
    }`,
  )
}

function option(program: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(program)}`
}
