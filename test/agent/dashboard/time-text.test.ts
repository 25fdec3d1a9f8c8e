// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest'
import { timeText } from '../../../agent/dashboard/time-text.ts'

it('is the time on the clock of whoever looks, with its date', () => {
  const local = new Date(2026, 2, 1, 13, 0, 5)
  expect(timeText(local.toISOString())).toBe('2026-03-01 13:00:05')
})
