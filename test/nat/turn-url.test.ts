// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { parseTurnUrl } from '../../nat/turn-url.ts'

describe('the URL of a TURN server', () => {
  it.each([
    ['turn:turn.example', { host: 'turn.example', port: 3478, transport: 'udp' }],
    ['turn:192.0.2.1:41?transport=udp', { host: '192.0.2.1', port: 41, transport: 'udp' }],
    [
      'turn:[2001:db8::1]:3478?transport=tcp',
      { host: '2001:db8::1', port: 3478, transport: 'tcp' },
    ],
    ['turns:turn.example', { host: 'turn.example', port: 5349, transport: 'tls' }],
    ['turns:[2001:db8::1]:443?transport=tcp', { host: '2001:db8::1', port: 443, transport: 'tls' }],
  ])('%s says host, port and transport', (url, place) => {
    expect(parseTurnUrl(url)).toEqual(place)
  })

  it.each(['', 'turn:', 'stun:turn.example', 'turn:turn.example?transport=sctp'])(
    '%s is none',
    (url) => {
      expect(parseTurnUrl(url)).toBeUndefined()
    },
  )
})
