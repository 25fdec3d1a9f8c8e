// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIp } from '../../nat/address.ts'
import { addressScope } from '../../nat/address-scope.ts'

describe('the scope of an address', () => {
  it.each([
    ['0.0.0.0', 'unusable'],
    ['0.1.2.3', 'unusable'],
    ['9.255.255.255', 'global'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'global'],
    ['100.63.255.255', 'global'],
    ['100.64.0.0', 'shared'],
    ['100.127.255.255', 'shared'],
    ['100.128.0.0', 'global'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['128.0.0.1', 'global'],
    ['169.253.1.1', 'global'],
    ['169.254.1.1', 'link-local'],
    ['172.15.0.1', 'global'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'global'],
    ['192.167.0.1', 'global'],
    ['192.168.0.1', 'private'],
    // Documentation prefixes play the internet in labs.
    ['192.0.2.1', 'global'],
    ['198.51.100.1', 'global'],
    ['203.0.113.1', 'global'],
    ['223.255.255.255', 'global'],
    ['224.0.0.1', 'unusable'],
    ['239.1.2.3', 'unusable'],
    ['240.0.0.1', 'unusable'],
    ['255.255.255.255', 'unusable'],
    ['::', 'unusable'],
    ['::1', 'loopback'],
    ['::2', 'unusable'],
    ['::ffff:10.0.0.1', 'unusable'],
    ['2001:db8::1', 'global'],
    ['2000::', 'global'],
    ['3fff:ffff::1', 'global'],
    ['4000::1', 'unusable'],
    ['64:ff9b::1', 'unusable'],
    ['fbff::1', 'unusable'],
    ['fc00::1', 'unique-local'],
    ['fdff::1', 'unique-local'],
    ['fe00::1', 'unusable'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'unusable'],
    ['ff02::1', 'unusable'],
    ['no address', 'unusable'],
  ])('%s is %s', (ip, scope) => {
    expect(addressScope(ip)).toBe(scope)
  })

  it('does not depend on how the address is written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const canonical = formatIp(bytes)
        const written = canonical.includes(':')
          ? Array.from({ length: 8 }, (_, i) =>
              ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
            ).join(':')
          : canonical
        expect(addressScope(written)).toBe(addressScope(canonical))
      }),
    )
  })
})
