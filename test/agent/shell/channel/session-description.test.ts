// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import {
  candidateLine,
  candidateOf,
  credentialsOf,
  sessionDescription,
} from '../../../../agent/shell/channel/session-description.ts'
import { signalOf } from '../../../topology/sample-network.ts'

const ice = signalOf().ice!
const [host, reflexive] = signalOf().candidates

describe('a session description', () => {
  test('made of what a peer signed says just that', () => {
    for (const role of ['offer', 'answer'] as const)
      expect(credentialsOf(sessionDescription(ice, role))).toEqual(ice)
    expect(sessionDescription(ice, 'offer')).toContain('\r\na=setup:actpass\r\n')
    expect(sessionDescription(ice, 'answer')).toContain('\r\na=setup:active\r\n')
  })

  test('without name, password or a fingerprint that we know gives no credentials', () => {
    const whole = sessionDescription(ice, 'offer')
    expect(credentialsOf(whole.replace('ice-ufrag', 'x'))).toBeUndefined()
    expect(credentialsOf(whole.replace('ice-pwd', 'x'))).toBeUndefined()
    expect(credentialsOf(whole.replace('sha-256', 'sha-1'))).toBeUndefined()
    expect(credentialsOf('')).toBeUndefined()
  })
})

describe('a candidate line', () => {
  test('is read as it was written', () => {
    for (const candidate of [host!, reflexive!, { ...host!, kind: 'relayed' as const }])
      expect(candidateOf(candidateLine(candidate, 3))).toEqual(candidate)
  })

  test('prefers host candidates to reflexive ones, and earlier ones to later ones', () => {
    const priority = (line: string) => Number(line.split(' ')[3])
    expect(priority(candidateLine(host!, 5))).toBeGreaterThan(
      priority(candidateLine(reflexive!, 0)),
    )
    expect(priority(candidateLine(host!, 0))).toBeGreaterThan(priority(candidateLine(host!, 1)))
    expect(priority(candidateLine({ ...host!, kind: 'relayed' }, 9))).toBeGreaterThan(0)
  })

  test.each([
    'a=candidate:1 1 TCP 2114977791 192.0.2.2 9 typ host tcptype active',
    'a=candidate:1 2 UDP 2114977791 192.0.2.2 59343 typ host',
    'a=candidate:1 1 UDP 2114977791 3a1c.local 59343 typ host',
    'a=candidate:1 1 UDP 0 192.0.2.2 59343 typ prflx',
    'a=candidate:1',
    '',
  ])('that says %j is no candidate of ours', (line) => {
    expect(candidateOf(line)).toBeUndefined()
  })
})
