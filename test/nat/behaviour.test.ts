// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classifyMapping } from '../../nat/behaviour.ts'
import { at } from './literal.ts'

const LOCAL = '192.168.1.10:41820'

/** Each observation is written `observer saw mapped`. */
function verdict(sightings: readonly string[], local = [LOCAL], silentServers = 0) {
  const observations = sightings.map((sighting) => {
    const [observer, mapped] = sighting.split(' saw ')
    return { observer: at(observer!), mapped: at(mapped!) }
  })
  return classifyMapping({ local: local.map(at), observations, silentServers })
}

describe('the mapping behaviour', () => {
  it.each([
    ['nobody was asked', [], 'unknown'],
    ['one observer only', ['198.51.100.1:3478 saw 203.0.113.1:7'], 'unknown'],
    [
      'one address, two ports, one mapping: the second address is missing',
      ['198.51.100.1:3478 saw 203.0.113.1:7', '198.51.100.1:3479 saw 203.0.113.1:7'],
      'unknown',
    ],
    [
      'two addresses see the same',
      ['198.51.100.1:3478 saw 203.0.113.1:7', '198.51.100.2:3478 saw 203.0.113.1:7'],
      'endpoint-independent',
    ],
    [
      'two addresses see different ports, nothing tells of a second port',
      ['198.51.100.1:3478 saw 203.0.113.1:7', '198.51.100.2:3478 saw 203.0.113.1:8'],
      'address-and-port-dependent',
    ],
    [
      'each address sees one mapping on both its ports',
      [
        '198.51.100.1:3478 saw 203.0.113.1:7',
        '198.51.100.1:3479 saw 203.0.113.1:7',
        '198.51.100.2:3478 saw 203.0.113.1:8',
        '198.51.100.2:3479 saw 203.0.113.1:8',
      ],
      'address-dependent',
    ],
    [
      'two ports of one address see different mappings',
      ['198.51.100.1:3478 saw 203.0.113.1:7', '198.51.100.1:3479 saw 203.0.113.1:8'],
      'address-and-port-dependent',
    ],
    [
      'one address agrees with itself and another does not',
      [
        '198.51.100.1:3478 saw 203.0.113.1:7',
        '198.51.100.1:3479 saw 203.0.113.1:7',
        '198.51.100.2:3478 saw 203.0.113.1:8',
        '198.51.100.2:3479 saw 203.0.113.1:9',
      ],
      'address-and-port-dependent',
    ],
    [
      'the same port on another address of a pool',
      ['198.51.100.1:3478 saw 203.0.113.1:7', '198.51.100.2:3478 saw 203.0.113.2:7'],
      'address-and-port-dependent',
    ],
    ['the mapped address is our own', [`198.51.100.1:3478 saw ${LOCAL}`], 'none'],
    [
      'our own address for one and a mapped one for another',
      [`198.51.100.1:3478 saw ${LOCAL}`, '198.51.100.2:3478 saw 203.0.113.1:7'],
      'address-and-port-dependent',
    ],
    [
      'IPv6 without translation does not hide what IPv4 shows',
      ['[2001:db8::53]:3478 saw [2001:db8::1]:41820', '198.51.100.1:3478 saw 203.0.113.1:7'],
      'unknown',
    ],
    ['IPv6 alone', ['[2001:db8::53]:3478 saw [2001:db8::1]:41820'], 'none'],
  ])('%s', (_name, sightings, mapping) => {
    const result = verdict(sightings, [LOCAL, '[2001:db8::1]:41820'])
    expect(result.mapping).toBe(mapping)
    for (const sighting of sightings.filter((s) => s.startsWith('198')))
      expect(result.evidence).toContain(sighting)
  })

  it('is blocked if servers were asked and none answered', () => {
    expect(verdict([], [LOCAL], 1)).toEqual({
      mapping: 'udp-blocked',
      evidence: '1 STUN server asked, none answered',
    })
    expect(verdict([], [LOCAL], 3).evidence).toBe('3 STUN servers asked, none answered')
  })

  it('is not blocked if one of several servers answered', () => {
    expect(verdict(['198.51.100.1:3478 saw 203.0.113.1:7'], [LOCAL], 2).mapping).toBe('unknown')
  })

  it('does not take two sights from one port for two ports of an address', () => {
    const sights = ['198.51.100.1:1 saw 203.0.113.1:7', '198.51.100.2:1 saw 203.0.113.1:8']
    const { mapping, evidence } = verdict([...sights, ...sights])
    expect(mapping).toBe('address-and-port-dependent')
    expect(evidence).toBe(sights.join(', '))
  })

  it('does not depend on the order of observations', () => {
    const observation = fc.record({
      observer: fc.constantFrom(at('198.51.100.1:1'), at('198.51.100.1:2'), at('198.51.100.2:1')),
      mapped: fc.constantFrom(at('203.0.113.1:7'), at('203.0.113.1:8'), at(LOCAL)),
    })
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 6 }), (observations) => {
        const ask = (list: typeof observations) =>
          classifyMapping({ local: [at(LOCAL)], observations: list, silentServers: 0 }).mapping
        expect(ask(observations.toReversed())).toBe(ask(observations))
      }),
    )
  })
})
