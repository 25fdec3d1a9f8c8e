// SPDX-License-Identifier: Apache-2.0
import { array, assert, dictionary, integer, letrec, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact } from '../../../../agent/shell/doctor/redact.ts'

const SECRET = 'c2VjcmV0IHNlY3JldCBzZWNyZXQ='

describe('what leaves the host', () => {
  it('has no value of a key that names a secret', () => {
    const config = { turn: [{ url: 'turn:x', password: 'hunter22', auth_secret: 'a' }], mtu: 1280 }
    expect(redact(config, [])).toEqual({
      turn: [{ url: 'turn:x', password: '[secret]', auth_secret: '[secret]' }],
      mtu: 1280,
    })
  })

  it('has no token, wherever one was logged', () => {
    expect(redact({ log: ['joining with mg1_AAAA-bbb_c now'] }, [])).toEqual({
      log: ['joining with [secret] now'],
    })
  })

  it('has no known secret at any depth of any document', () => {
    const withSecret = letrec((tie) => ({
      value: oneof(
        string().map((text) => `${text}${SECRET}${text}`),
        array(tie('value'), { maxLength: 3 }),
        dictionary(string(), tie('value'), { maxKeys: 3 }),
        integer(),
      ),
    })).value
    assert(
      property(withSecret, (document) => {
        expect(JSON.stringify(redact(document, [SECRET]))).not.toContain(SECRET)
      }),
    )
  })
})
