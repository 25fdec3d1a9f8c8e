// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isHostName, isNamePattern, matchesNamePattern } from '../../topology/host-name.ts'

test('a host name is one DNS label in lower case', () => {
  for (const good of ['a', '1', 'web-1', 'a'.repeat(63)]) expect(isHostName(good), good).toBe(true)
  for (const bad of ['', '-a', 'a-', 'A', 'a.b', 'ä', 'a_b', 'a\n', 'a'.repeat(64)]) {
    expect(isHostName(bad), bad).toBe(false)
  }
})

test('a pattern is a label with * for any run of letters', () => {
  for (const good of ['*', 'web-*', '*-db-*']) expect(isNamePattern(good), good).toBe(true)
  for (const bad of ['', 'a.b', 'web-?', 'Web-*', '*\n'])
    expect(isNamePattern(bad), bad).toBe(false)
})

test('a pattern matches as the regular expression that it means', () => {
  const letters = (alphabet: string) =>
    fc.string({ unit: fc.constantFrom(...alphabet.split('')), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(letters('ab*'), letters('ab'), (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
      expect(matchesNamePattern(pattern, name)).toBe(expression.test(name))
    }),
    { numRuns: 2_000 },
  )
})

test('a hostile pattern takes no time', () => {
  expect(matchesNamePattern('*a'.repeat(31), `${'a'.repeat(62)}b`)).toBe(false)
})
