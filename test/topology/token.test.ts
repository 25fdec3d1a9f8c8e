// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { wallTime } from '../../nat/clock.ts'
import { fromBase64url, toBase64url } from '../../topology/base64url.ts'
import { nodeIdOf } from '../../topology/identity.ts'
import { parseToken } from '../../topology/token.ts'
import { alterations } from './mutation.ts'
import {
  address,
  authority,
  grantOf,
  largestLists,
  NOW,
  signer,
  tokenText,
} from './sample-network.ts'

const parse = (text: string, now = NOW) => parseToken(text, nodeCrypto, now)
const errorOf = (text: string, now = NOW) => {
  const parsed = parse(text, now)
  return parsed.ok ? undefined : parsed.error
}

describe('a token', () => {
  test('holds what a host needs to join', () => {
    expect(parse(tokenText())).toEqual({
      ok: true,
      value: {
        grant: grantOf(),
        secret: new Uint8Array(32).fill(5),
        authorityKey: authority.publicKey,
        networkName: 'lab',
        presharedKey: new Uint8Array(32).fill(9),
        bootstrap: [
          {
            nodeId: nodeIdOf(signer(2).publicKey),
            dialAddresses: ['/ip4/192.0.2.1/tcp/51820', '/dns4/hub.example/tcp/443'],
            stunServers: [address('192.0.2.1:51820')],
          },
        ],
      },
    })
  })

  test('may have been broken over lines', () => {
    const text = tokenText()
    const broken = ` ${text.slice(0, 70)}\r\n  ${text.slice(70)}\n`
    expect(parse(broken)).toEqual(parse(text))
  })

  test('that was cut off says so, wherever it was cut', () => {
    const text = tokenText()
    for (let length = 4; length < text.length; length++) {
      expect(errorOf(text.slice(0, length)), `${length}`).toBe('truncated')
    }
    for (let length = 0; length < 4; length++) {
      expect(errorOf(text.slice(0, length))).toBe('not-a-token')
    }
  })

  test('with any letter altered is refused', () => {
    const text = tokenText()
    for (let i = 0; i < text.length; i++) {
      const altered = text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1)
      expect(parse(altered).ok, `${i}`).toBe(false)
    }
    expect(errorOf(`${text}A`)).toBe('malformed')
    expect(errorOf(`${text}AAAA`)).toBe('malformed')
    expect(errorOf(`${text.slice(0, 20)}!${text.slice(21)}`)).toBe('malformed')
  })

  test('with an altered grant under a right checksum is a forged one', () => {
    const framed = fromBase64url(tokenText().slice(4))!
    const errors = new Set<string | undefined>()
    for (const altered of alterations(framed.subarray(2, -4))) {
      errors.add(errorOf(reframed(altered)))
    }
    // What is altered outside of the grant is the holder's own affair: secret, network name, bootstrap.
    expect(errors).toContain('bad-signature')
    expect(errors).toContain('malformed')
    expect(errorOf(tokenText({}, {}, signer(7)))).toBe('bad-signature')
    const elsewhere = tokenText({ authorityKey: signer(7).publicKey }, {}, signer(7))
    expect(errorOf(elsewhere)).toBe('bad-signature')
  })

  test('is refused before and after its time, with some tolerance for clocks before', () => {
    const { notBefore, notAfter } = grantOf()
    expect(errorOf(tokenText(), wallTime(notBefore - 300_000))).toBeUndefined()
    expect(errorOf(tokenText(), wallTime(notBefore - 300_001))).toBe('not-yet-valid')
    expect(errorOf(tokenText(), wallTime(notAfter - 1))).toBeUndefined()
    expect(errorOf(tokenText(), notAfter)).toBe('expired')
  })

  test('of another version, another kind or too great a length is named as such', () => {
    expect(errorOf('mg2_AAAA')).toBe('unsupported-version')
    expect(errorOf('tskey-abc')).toBe('not-a-token')
    expect(errorOf('')).toBe('not-a-token')
    expect(errorOf('mg1_'.padEnd(24_577, 'A'))).toBe('too-large')
  })

  test('names at most 8 members, the first ones', () => {
    const bootstrap = Array.from({ length: 12 }, (_, i) => ({
      nodeId: nodeIdOf(signer(i + 1).publicKey),
      dialAddresses: Array.from({ length: 12 }, (_, j) => `/ip4/192.0.2.${j + 1}/tcp/51820`),
      stunServers: [],
    }))
    const parsed = parse(tokenText({ bootstrap }))
    expect(parsed.ok && parsed.value.bootstrap).toEqual(
      bootstrap.slice(0, 8).map((member) => ({
        ...member,
        dialAddresses: member.dialAddresses.slice(0, 8),
      })),
    )
  })
})

test('the largest token can still be read', () => {
  const bootstrap = Array.from({ length: 8 }, (_, i) => ({
    nodeId: nodeIdOf(signer(i + 1).publicKey),
    dialAddresses: Array.from({ length: 8 }, (_, j) => `/dns4/${j}/`.padEnd(128, 'x')),
    stunServers: Array.from({ length: 4 }, (_, j) =>
      address(`[${'ffff:'.repeat(7)}fff${j}]:65535`),
    ),
  }))
  const grant = { ...largestLists(), namePattern: '*'.padEnd(63, 'x') }
  const parsed = parse(tokenText({ bootstrap, networkName: 'n'.repeat(63) }, grant))
  expect(parsed).toMatchObject({ ok: true, value: { bootstrap, grant } })
})

describe('base64url', () => {
  test('gives back any bytes, in one text only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        const text = toBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromBase64url(text)).toEqual(bytes)
      }),
    )
    for (const text of ['A', 'AB', 'AAB', 'AA=', 'A A', 'AA+A', 'ÄÖ']) {
      expect(fromBase64url(text), text).toBeUndefined()
    }
  })
})

function reframed(body: Uint8Array): string {
  const framed = new Uint8Array(body.length + 6)
  framed.set([body.length >> 8, body.length & 0xff])
  framed.set(body, 2)
  framed.set(nodeCrypto.hash(body).subarray(0, 4), 2 + body.length)
  return `mg1_${toBase64url(framed)}`
}
