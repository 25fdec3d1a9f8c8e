// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters } from 'node:util'
import { expect, it } from 'vitest'
import { doctorText } from '../../../../agent/shell/cli/doctor.ts'

it('keeps what a check found, and its remedy, in one column', () => {
  const found = '/etc/c.toml cannot be used:\n  mtu 12 is too small\n  nmae "x" is no known key'
  const text = doctorText([{ check: 'config', verdict: 'bad', found, remedy: 'correct the file' }])
  expect(stripVTControlCharacters(text).split('\n')).toEqual([
    ' x  config       /etc/c.toml cannot be used:',
    '                 mtu 12 is too small',
    '                 nmae "x" is no known key',
    '                 correct the file',
    '',
    '1 broken, 0 could be better',
  ])
})
