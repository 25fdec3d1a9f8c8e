// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import { coturnVerdict, mappedEndpoint, vovidaVerdict } from './nat-classifier.ts'

const stun4 = '198.51.100.10'
const stun6 = '2001:db8:ffff::10'
const independent = {
  mapping: 'Endpoint Independent Mapping',
  filtering: 'Endpoint Independent Filtering',
}
const portRestricted = { ...independent, filtering: 'Address and Port Dependent Filtering' }
const symmetric = { ...portRestricted, mapping: 'Address and Port Dependent Mapping' }

describe('what stands around a NAT shows to outside classifiers', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await startLab({
      name: 'natvariants',
      hosts: {
        stun: { address: [stun4, '198.51.100.11'], ipv6: [stun6, '2001:db8:ffff::11'] },
        'two-restricted': { behind: 'home-restricted' },
        'two-symmetric': { behind: 'home-full' },
        'two-full': { behind: 'home-full-full' },
        'hairpin-external': { behind: 'nat-hairpin-external' },
        'hairpin-lan': { behind: 'nat-hairpin-lan' },
        'own-firewall': { firewall: true },
        'six-firewall': { behind: 'nat-six-firewall' },
        'six-open': { behind: 'nat-six-open' },
        'short-lived': { behind: 'nat-short-lived' },
        ...Object.fromEntries(['one', 'two', 'three'].map((name) => [name, { behind: 'family' }])),
      },
      nats: {
        'cgn-full': { kind: 'full-cone', lan: '100.64.0.0/16' },
        'cgn-symmetric': { kind: 'symmetric', lan: '100.64.0.0/16' },
        'home-restricted': { kind: 'port-restricted', behind: 'cgn-full' },
        'home-full': { kind: 'full-cone', behind: 'cgn-symmetric' },
        'home-full-full': { kind: 'full-cone', behind: 'cgn-full' },
        'nat-hairpin-external': { kind: 'full-cone', hairpin: 'external' },
        'nat-hairpin-lan': { kind: 'full-cone', hairpin: 'lan' },
        'nat-six-firewall': { kind: 'port-restricted', ipv6: 'firewall' },
        'nat-six-open': { kind: 'port-restricted', ipv6: 'open' },
        'nat-short-lived': { kind: 'port-restricted', mappingLifetimeS: 4 },
        family: { kind: 'port-restricted-preserving' },
      },
      services: { stun: { kind: 'coturn', on: 'stun' } },
    })
  })
  afterAll(async () => lab.stop())

  test.concurrent.each([
    ['a port-restricted home behind a full-cone carrier', 'two-restricted', portRestricted],
    ['a full-cone home behind a symmetric carrier', 'two-symmetric', symmetric],
    ['a full-cone home behind a full-cone carrier', 'two-full', independent],
  ])('%s is as strict as the stricter of the two', async (_, name, verdict) => {
    expect(await coturnVerdict(lab.host(name), stun4)).toEqual(verdict)
  })

  test.concurrent.each(['hairpin-external', 'hairpin-lan'])('%s hairpins', async (name) => {
    expect(await vovidaVerdict(lab.host(name), stun4)).toBe('0x000002')
  })

  test.concurrent("a host's own firewall lets only replies in", async () => {
    const host = lab.host('own-firewall')
    expect(await vovidaVerdict(host, stun4)).toBe('0x00000b')
    expect(await coturnVerdict(host, stun4)).toEqual(portRestricted)
  })

  test.concurrent('IPv6 behind a firewall takes replies only, and nobody translates it', async () => {
    const host = lab.host('six-firewall')
    expect(await coturnVerdict(host, stun6)).toEqual(portRestricted)
    const [, address] = host.addresses
    expect(await mappedEndpoint(host, stun6, 5000)).toBe(`${address}:5000`)
  })

  test.concurrent('IPv6 without a firewall is open while IPv4 is not', async () => {
    const host = lab.host('six-open')
    expect(await coturnVerdict(host, stun6)).toEqual(independent)
    expect(await coturnVerdict(host, stun4)).toEqual(portRestricted)
  })

  test.concurrent('a mapping answers before its lifetime ends and not after', async () => {
    const host = lab.host('short-lived')
    const after = async (idleS: number) => {
      const { stdout } = await host.exec(['turnutils_natdiscovery', '-t', '-T', `${idleS}`, stun4])
      return stdout.includes('STUN receive timeout') ? 'lost' : 'answered'
    }
    expect(await after(2)).toBe('answered')
    expect(await after(7)).toBe('lost')
  })

  test.concurrent('hosts that use the same port behind one NAT never share an external port', async () => {
    const endpoints = await Promise.all(
      ['one', 'two', 'three'].map((name) => mappedEndpoint(lab.host(name), stun4, 5000)),
    )
    expect(new Set(endpoints).size).toBe(3)
    expect(endpoints.filter((endpoint) => endpoint.endsWith(':5000'))).toHaveLength(1)
  })
})
