// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressParts,
  canonicalIp,
  formatIp,
  parseIp,
  parseTransportAddress,
  transportAddress,
} from '../../nat/address.ts'

const ipBytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Zero runs are where the text form is difficult.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0x0db8), { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))),
)

describe('the canonical form of an address', () => {
  it.each([
    // RFC 5952 section 4.1: no leading zeros.
    ['2001:0db8::0001', '2001:db8::1'],
    // 4.2.1: as short as possible; 4.2.2: never one group only.
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    // 4.2.3: the longest run; the first of equals.
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    // 4.3: lower case.
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    // An IPv4-mapped address is the IPv4 address that it means.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalIp(text)).toEqual({ ok: true, value: canonical })
  })

  it.each([
    '',
    ' ',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '+1.2.3.4',
    '0x1.2.3.4',

    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',

    '::g',
    'fe80::1%eth0',
    '[::1]',
    '::1.2.3',
    '::1.2.3.4.5',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',

    '-1::',
    '::-1',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '::00001',
    '0'.repeat(46),
  ])('does not exist for %j', (text) => {
    expect(parseIp(text)).toEqual({ ok: false, error: 'malformed-ip' })
  })

  it('is read back as the same bytes', () => {
    fc.assert(
      fc.property(ipBytes, (bytes) => {
        const text = formatIp(bytes)
        const parsed = parseIp(text)
        expect(parsed.ok && formatIp(parsed.value)).toBe(text)
        if (parsed.ok && parsed.value.length === bytes.length) expect(parsed.value).toEqual(bytes)
      }),
    )
  })

  it('is never thrown at, whatever text comes', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef:.[]%')), maxLength: 50 }),
    )
    fc.assert(
      fc.property(text, (anything) => {
        const ip = canonicalIp(anything)
        if (ip.ok) expect(canonicalIp(ip.value)).toEqual(ip)
        const address = parseTransportAddress(anything)
        if (address.ok) expect(parseTransportAddress(address.value)).toEqual(address)
      }),
    )
  })

  it('refuses bytes that are no address, which only a mistake can make', () => {
    expect(() => formatIp(new Uint8Array(5))).toThrow(RangeError)
  })
})

describe('a transport address', () => {
  it.each([
    ['192.0.2.1:1', '192.0.2.1:1'],
    ['192.0.2.1:65535', '192.0.2.1:65535'],
    ['[2001:DB8:0::1]:41820', '[2001:db8::1]:41820'],
    ['[::ffff:192.0.2.1]:5', '192.0.2.1:5'],
  ])('%s is %s', (text, canonical) => {
    expect(parseTransportAddress(text)).toEqual({ ok: true, value: canonical })
  })

  it.each([
    '192.0.2.1',
    '192.0.2.1:',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '192.0.2.1:01',
    '192.0.2.1:-1',

    '2001:db8::1:5',
    '[2001:db8::1]',
    '[2001:db8::1]:',
    '[192.0.2.1]:5',
    '[::1%lo]:5',
    ' 192.0.2.1:5',

    '192.0.2.1:5\n',
    '192.0.2.1:5 ',
    'example.org:5',
    '[]:5',
    ':5',
  ])('is not %j', (text) => {
    expect(parseTransportAddress(text)).toEqual({ ok: false, error: 'malformed-address' })
  })

  it('needs a whole port number from 1 to 65535', () => {
    for (const port of [0, -1, 1.5, 65_536, Number.NaN])
      expect(transportAddress('192.0.2.1', port).ok).toBe(false)
  })

  it('comes apart into what it was made of', () => {
    fc.assert(
      fc.property(ipBytes, fc.integer({ min: 1, max: 65_535 }), (bytes, port) => {
        const ip = formatIp(bytes)
        const address = transportAddress(ip, port)
        if (!address.ok) throw new Error(address.error)
        const family = ip.includes(':') ? 'ipv6' : 'ipv4'
        expect(addressParts(address.value)).toEqual({ ip, port, family })
        expect(parseTransportAddress(address.value)).toEqual(address)
      }),
    )
  })
})
