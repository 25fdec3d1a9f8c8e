// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { iceServers } from '../../../../agent/shell/channel/ice-servers.ts'
import { address, NOW } from '../../../topology/sample-network.ts'
import { turnCredential } from '../../../../netns-lab/turn-credential.ts'

const user = { username: 'anna', password: 'x' }

test('asks two STUN servers, and TURN servers that speak UDP', () => {
  const stun = ['192.0.2.1:1', '[2001:db8::1]:2', '192.0.2.3:3'].map(address)
  const turn = [
    { id: 'tls', url: 'turns:turn.example:443?transport=tcp', ...user },
    { id: 'tcp', url: 'turn:turn.example:3478?transport=tcp', ...user },
    { id: 'open', url: 'turn:turn.example' },
    { id: 'udp', url: 'turn:turn.example:41?transport=udp', ...user },
    { id: 'six', url: 'turn:[2001:db8::9]', ...user },
  ]
  expect(iceServers({ stun, turn, now: NOW })).toEqual([
    { host: '192.0.2.1', port: 1 },
    { host: '2001:db8::1', port: 2 },
    { host: 'turn.example', port: 41, ...user },
    { host: '2001:db8::9', port: 3478, ...user },
  ])
})

test('makes names and passwords that hold for a day of a shared secret', () => {
  const turn = [{ id: 'one', url: 'turn:192.0.2.9', username: 'host-1', secret: 's' }]
  const made = turnCredential('s', 'host-1', new Date(NOW + 86_400_000))
  expect(iceServers({ stun: [], turn, now: NOW })).toEqual([
    { host: '192.0.2.9', port: 3478, username: made.user, password: made.password },
  ])
})
