// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import {
  headFault,
  isFromElsewhere,
  PAGE_BODY_BYTES_MAX,
  sessionOf,
} from '../../../../agent/shell/dashboard/page-request.ts'

const PORT = 8426
const host = `127.0.0.1:${PORT}`
const origin = `http://${host}`

test.each([
  ['GET', { host }, undefined],
  ['GET', { host: `localhost:${PORT}` }, undefined],
  ['POST', { host, origin }, undefined],
  ['GET', {}, 'wrong-host'],
  ['GET', { host: 'evil.example' }, 'wrong-host'],
  ['GET', { host: `evil.example:${PORT}` }, 'wrong-host'],
  ['GET', { host: '127.0.0.1' }, 'wrong-host'],
  ['GET', { host, origin: 'http://evil.example' }, 'wrong-origin'],
  ['POST', { host }, 'wrong-origin'],
  ['POST', { host, origin: 'null' }, 'wrong-origin'],
  ['POST', { host, origin: `http://localhost:${PORT}` }, 'wrong-origin'],
  ['POST', { host, origin: 'http://127.0.0.1:1' }, 'wrong-origin'],
  ['POST', { host, origin, 'content-length': String(PAGE_BODY_BYTES_MAX) }, undefined],
  ['POST', { host, origin, 'content-length': String(PAGE_BODY_BYTES_MAX + 1) }, 'too-large'],
] as const)('%s with %j is %s', (method, headers, fault) => {
  expect(headFault({ method, headers }, PORT)).toBe(fault)
})

test.each([
  [undefined, false],
  ['same-origin', false],
  ['none', false],
  ['same-site', true],
  ['cross-site', true],
] as const)('a request that its browser calls %s is from elsewhere: %s', (site, elsewhere) => {
  const headers = site === undefined ? {} : { 'sec-fetch-site': site }
  expect(isFromElsewhere({ method: 'GET', headers })).toBe(elsewhere)
})

test('the session is found among other cookies, and that of another port is not taken for it', () => {
  expect(sessionOf({ cookie: `a=1; meshgate-${PORT}=abc; b=2` }, PORT)).toBe('abc')
  expect(sessionOf({ cookie: 'meshgate-84=abc' }, PORT)).toBeUndefined()
  expect(sessionOf({}, PORT)).toBeUndefined()
})
