// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { formatIp, parseIp } from '../../nat/address.ts'
import { fromHex, toHex } from '../../nat/hex.ts'
import { nodeIdOf } from '../../topology/identity.ts'
import {
  decodeNetwork,
  encodeNetwork,
  isNetworkIpv4Prefix,
  type Network,
} from '../../topology/network.ts'
import {
  chooseIpv4Prefix,
  ipv6AddressOf,
  ipv6PrefixOf,
  lowestFreeIpv4,
} from '../../topology/overlay-address.ts'
import {
  enclosingPrefix,
  parsePrefix,
  type Prefix,
  prefixContains,
  prefixesOverlap,
} from '../../topology/prefix.ts'
import { alterations, truncations } from './mutation.ts'
import { network, signer } from './sample-network.ts'

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

function bytesOf(ip: string): Uint8Array {
  const parsed = parseIp(ip)
  if (!parsed.ok) throw new Error(ip)
  return parsed.value
}

describe('a prefix', () => {
  test.each(['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1/32', '::/0', '2001:db8::/32', '::1/128'])(
    '%s is canonical',
    (text) => {
      expect(prefix(text).text).toBe(text)
    },
  )

  test.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.1/8',
    '010.0.0.0/8',
    '2001:DB8::/32',
    '2001:db8:0::/32',
    '2001:db8::1/32',
    '::/129',
    '::ffff:10.0.0.0/104',
    '10.0.0.0/8/8',
    'fe80::%eth0/64',
  ])('%s is not', (text) => {
    expect(parsePrefix(text)).toEqual({ ok: false, error: 'malformed-prefix' })
  })

  test('encloses an interface address', () => {
    const enclosing = enclosingPrefix('192.168.1.77/20')
    expect(enclosing.ok && enclosing.value.text).toBe('192.168.0.0/20')
  })

  test('contains what shares its first bits, in its own family', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(4, 16)
          .chain((length) =>
            fc.tuple(
              fc.uint8Array({ minLength: length, maxLength: length }),
              fc.uint8Array({ minLength: length, maxLength: length }),
              fc.integer({ min: 0, max: 8 * length }),
            ),
          ),
        ([a, b, length]) => {
          const bits = (bytes: Uint8Array) =>
            Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
          const around = enclosingPrefix(`${formatIp(a)}/${length}`)
          // An IPv4-mapped address has another length as text.
          if (!around.ok || around.value.bytes.length !== a.length) return
          const expected = bits(a).slice(0, length) === bits(b).slice(0, length)
          expect(prefixContains(around.value, b)).toBe(expected)
        },
      ),
    )
    expect(prefixContains(prefix('::/0'), bytesOf('192.0.2.1'))).toBe(false)
  })

  test('overlaps another if one contains the other', () => {
    const overlap = (a: string, b: string) => prefixesOverlap(prefix(a), prefix(b))
    expect(overlap('10.0.0.0/8', '10.7.0.0/16')).toBe(true)
    expect(overlap('10.7.0.0/16', '10.0.0.0/8')).toBe(true)
    expect(overlap('10.7.0.0/16', '10.8.0.0/16')).toBe(false)
    expect(overlap('0.0.0.0/0', '::/0')).toBe(false)
  })
})

describe('addresses in the mesh', () => {
  test('follow from network and node alone', () => {
    expect(ipv6PrefixOf(network.id).text).toBe(network.ipv6Prefix)
    expect(network.ipv6Prefix).toMatch(/^fd[0-9a-f:]+::\/48$/)
    const node = nodeIdOf(signer(2).publicKey)
    const address = ipv6AddressOf(network.id, node, nodeCrypto)
    const hash = toHex(nodeCrypto.hash(fromHex(node)!))
    expect(toHex(bytesOf(address))).toBe(`fd${network.id.slice(0, 10)}${hash.slice(0, 20)}`)
  })

  test('are chosen clear of local prefixes, at random among what is left', () => {
    const choose = (inUse: string[], random: number) => {
      const chosen = chooseIpv4Prefix(inUse, () => Uint8Array.of(0, random))
      return chosen.ok ? chosen.value.text : chosen.error
    }
    expect(choose([], 7)).toBe('10.7.0.0/16')
    expect(choose(['10.7.1.2/24', 'no prefix', '192.168.1.1/24'], 7)).toBe('10.8.0.0/16')
    expect(choose(['10.0.0.0/9'], 7)).toBe('10.135.0.0/16')
    expect(choose(['0.0.0.0/0', '::/0'], 7)).toBe('10.7.0.0/16')
    expect(choose(['10.1.1.1/8'], 7)).toBe('no-free-prefix')
  })

  test('are given out lowest first, without those of the network and of broadcast', () => {
    const taken = new Set<string>()
    const given: string[] = []
    for (;;) {
      const free = lowestFreeIpv4(prefix('10.7.255.248/29'), (address) => taken.has(address))
      if (!free.ok) break
      taken.add(free.value)
      given.push(free.value)
    }
    expect(given).toEqual([249, 250, 251, 252, 253, 254].map((host) => `10.7.255.${host}`))
  })
})

describe('a network document', () => {
  test('is read as it was written, and only whole', () => {
    const encoded = encodeNetwork(network)
    expect(decodeNetwork(encoded, nodeCrypto)).toEqual({ ok: true, value: network })
    for (const broken of truncations(encoded))
      expect(decodeNetwork(broken, nodeCrypto).ok).toBe(false)
    for (const altered of alterations(encoded)) decodeNetwork(altered, nodeCrypto)
  })

  test('whose id or IPv6 prefix does not follow from its key is refused', () => {
    const changes: Partial<Network>[] = [
      { authorityKey: signer(7).publicKey },
      { id: '00'.repeat(16) as Network['id'] },
      { ipv6Prefix: 'fd00::/48' },
    ]
    for (const change of changes) {
      const encoded = encodeNetwork({ ...network, ...change })
      expect(decodeNetwork(encoded, nodeCrypto)).toEqual({ ok: false, error: 'wrong-id' })
    }
  })

  test('plans addresses in private space only', () => {
    for (const good of [
      '10.7.0.0/16',
      '10.0.0.0/8',
      '172.16.0.0/12',
      '192.168.3.0/29',
      '100.64.0.0/10',
    ]) {
      expect(isNetworkIpv4Prefix(good), good).toBe(true)
    }
    for (const bad of [
      '0.0.0.0/0',
      '8.0.0.0/7',
      '192.168.0.0/13',
      '172.0.0.0/8',
      '10.0.0.0/30',
      '192.0.2.0/24',
      'fd00::/48',
    ]) {
      expect(isNetworkIpv4Prefix(bad), bad).toBe(false)
    }
  })
})
