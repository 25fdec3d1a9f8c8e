// SPDX-License-Identifier: Apache-2.0
/** What one check found. good: as it should be. look: it works, not as well as it could. bad: it does not work. */
export interface Finding {
  /** Stable, kebab-case. */
  readonly check: string
  readonly verdict: 'good' | 'look' | 'bad'
  /** One sentence. */
  readonly found: string
  /** What to do; empty where nothing has to be done. */
  readonly remedy: string
}
