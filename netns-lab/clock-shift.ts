// SPDX-License-Identifier: Apache-2.0

export const DAY_MS = 86_400_000

/**
 * What NODE_OPTIONS has to be for a program on Node to see another time. A namespace has the machine's own clock: only what is
 * run with this is given another one. `aheadMs`: ahead of the machine's clock; negative is behind it.
 */
export function clockShift(aheadMs: number): string {
  const shift = `Date.now=(now=>()=>now()+${aheadMs})(Date.now)`
  return `--import=data:text/javascript,${encodeURIComponent(shift)}`
}
