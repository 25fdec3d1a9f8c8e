// SPDX-License-Identifier: Apache-2.0
/**
 * What NODE_OPTIONS has to be for a program on Node to see another day. A namespace has the machine's own clock: only what is
 * run in it is given another one. `days`: ahead of the machine's clock; negative is behind it.
 */
export function clockShift(days: number): string {
  const shift = `Date.now=(now=>()=>now()+${days}*864e5)(Date.now)`
  return `--import=data:text/javascript,${encodeURIComponent(shift)}`
}
