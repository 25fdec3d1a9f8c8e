// SPDX-License-Identifier: Apache-2.0
import type { Instant } from '../../../nat/clock.ts'

/** Of the sizes that the paths carry; see peer-mtu.ts. */
export interface MtuSurvey {
  /** Until then nothing has to be looked at. */
  dueAt: Instant | undefined
  underWay: number
}

export function createMtuSurvey(): MtuSurvey {
  return { dueAt: undefined, underWay: 0 }
}
