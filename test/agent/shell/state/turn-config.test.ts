// SPDX-License-Identifier: Apache-2.0
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../../agent/shell/state/config.ts'
import { temporaryDirectory } from '../temporary-directory.ts'

const table = (...lines: readonly string[]) => `[[turn]]\n${lines.join('\n')}\n`

/** What is wrong with one server, by field. */
function faults(...lines: readonly string[]): string[] {
  const parsed = parseConfig(table(...lines))
  return parsed.ok ? [] : parsed.problems.map(({ field, problem }) => `${field} ${problem}`)
}

function secretFile(text: string, mode = 0o600): string {
  const path = join(temporaryDirectory(), 'secret')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const id = 'id = "frankfurt"'
const url = 'url = "turns:turn.example:443"'
const user = 'username = "mesh"'

describe('a TURN server in the configuration', () => {
  test('is what the helper is told, with its password out of a file', () => {
    const file = secretFile('gate\n')
    const parsed = parseConfig(
      table(id, url, user, `password_file = "${file}"`) +
        table('id = "two"', 'url = "turn:192.0.2.1?transport=tcp"', user, 'secret = "sesame"'),
    )
    expect(parsed.ok && parsed.value.turn).toEqual([
      { id: 'frankfurt', url: 'turns:turn.example:443', username: 'mesh', password: 'gate' },
      { id: 'two', url: 'turn:192.0.2.1?transport=tcp', username: 'mesh', secret: 'sesame' },
    ])
  })

  test('may let everybody in', () => {
    expect(faults(id, 'url = "turn:[2001:db8::1]:3478?transport=udp"')).toEqual([])
  })

  test.each([
    ['turn:turn.example', true],
    ['turn:192.0.2.1:3478?transport=udp', true],
    ['turns:turn.example?transport=tcp', true],
    ['turns:turn.example?transport=udp', false],
    ['turn:turn.example?transport=dtls', false],
    ['https://turn.example', false],
    ['turn:user@turn.example', false],
    ['turn:', false],
  ])('at %s is understood: %s', (address, isGood) => {
    expect(faults(id, `url = "${address}"`).length === 0).toBe(isGood)
  })

  test.each([
    ['no id', [url], ['turn[0].id is not of the kind string']],
    [
      'an id that is too long for paths',
      [`id = "${'x'.repeat(33)}"`, url],
      ['turn[0].id is no short name'],
    ],
    ['a name without a password', [id, url, user], ['turn[0].password is missing']],
    ['a password without a name', [id, url, 'password = "x"'], ['turn[0].username is missing']],
    [
      'a password and a secret',
      [id, url, user, 'password = "x"', 'secret = "y"'],
      ['turn[0].secret is given besides another'],
    ],
    [
      'a password that is empty',
      [id, url, user, 'password = ""'],
      ['turn[0].password is no text of 1 to 512 bytes'],
    ],
    [
      'a file that is not there',
      [id, url, user, 'password_file = "/nowhere/secret"'],
      ['turn[0].password_file cannot be read (ENOENT)'],
    ],
    [
      'certificates for no TLS',
      [id, 'url = "turn:turn.example"', 'ca = "/dev/null"'],
      ['turn[0].ca is of no use without TLS'],
    ],
    ['a key that nobody knows', [id, url, 'pasword = "x"'], ['turn[0].pasword is no known key']],
  ])('with %s is refused', (_, lines, expected) => {
    expect(faults(...lines)).toEqual(expected)
  })

  test('has a name of its own', () => {
    const parsed = parseConfig(table(id, url) + table(id, url))
    expect(parsed.ok ? [] : parsed.problems).toMatchObject([
      { field: 'turn[1].id', value: 'frankfurt', problem: 'is given twice' },
    ])
  })

  test('keeps its secret in a file that not everybody reads, and on one line', () => {
    const open = secretFile('sesame\n', 0o644)
    expect(faults(id, url, `secret_file = "${open}"`)).toEqual([
      'turn[0].secret_file can be read by everybody',
    ])
    const long = secretFile('two\nlines\n')
    expect(faults(id, url, `secret_file = "${long}"`)).toEqual([
      'turn[0].secret_file does not hold a text of 1 to 512 bytes on one line',
    ])
  })

  test('is never shown with its password, whatever is wrong with it', () => {
    for (const text of [
      table(id, url, user, 'password = "hunter2"', 'secret = "hunter2"'),
      table(id, url, user, 'passwort = "hunter2"'),
      table(id, 'url = "turn:mesh:hunter2@turn.example"'),
      table(id, url, 'password = "hunter2"'),
      `turn = { password = "hunter2" }`,
    ]) {
      const parsed = parseConfig(text)
      expect(parsed.ok).toBe(false)
      expect(JSON.stringify(parsed)).not.toContain('hunter2')
    }
  })
})
