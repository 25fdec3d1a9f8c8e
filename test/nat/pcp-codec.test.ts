// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../nat/hex.ts'
import { decodePcpResponse, encodePcpMap, type PcpMapRequest } from '../../nat/pcp-codec.ts'
import { alterations, truncations } from '../topology/mutation.ts'
import { pcpResponse } from './scripted-router.ts'

const NONCE = '0102030405060708090a0b0c'
const REQUEST: PcpMapRequest = {
  lifetimeS: 7200,
  clientIp: '192.168.1.10',
  nonce: fromHex(NONCE)!,
  protocol: 17,
  internalPort: 41_820,
  suggestedPort: 41_820,
  suggestedIp: undefined,
}

describe('a PCP request for a mapping', () => {
  it('is laid out as RFC 6887 sections 7.1 and 11.1 draw it', () => {
    expect(toHex(encodePcpMap(REQUEST))).toBe(
      [
        '0201000000001c20',
        '00000000000000000000ffffc0a8010a',
        NONCE,
        '11000000a35ca35c',
        '00000000000000000000ffff00000000',
      ].join(''),
    )
  })

  it('asks an IPv6 router for any address of its family, and for the address that it had', () => {
    const ipv6 = { ...REQUEST, clientIp: '2001:db8::10', protocol: 6 }
    expect(toHex(encodePcpMap(ipv6)).slice(16)).toBe(
      `20010db8000000000000000000000010${NONCE}06000000a35ca35c${'0'.repeat(32)}`,
    )
    const renewal = encodePcpMap({ ...REQUEST, suggestedIp: '203.0.113.7' })
    expect(toHex(renewal).slice(-8)).toBe('cb007107')
  })
})

const GRANT = [
  '0281000000000e10',
  '0001e240',
  '0'.repeat(24),
  NONCE,
  '11000000a35cc350',
  '00000000000000000000ffffcb007107',
].join('')

describe('a PCP response', () => {
  it('is read as RFC 6887 sections 7.2 and 11.1 draw it', () => {
    expect(decodePcpResponse(fromHex(GRANT)!)).toEqual({
      ok: true,
      value: {
        result: 0,
        lifetimeS: 3600,
        epochS: 123_456,
        answersMap: true,
        map: {
          nonce: NONCE,
          protocol: 17,
          internalPort: 41_820,
          externalPort: 50_000,
          externalIp: '203.0.113.7',
        },
      },
    })
    const made = { epochS: 123_456, lifetimeS: 3600, port: 50_000, ip: '203.0.113.7' }
    expect(toHex(pcpResponse(encodePcpMap(REQUEST), made))).toBe(GRANT)
  })

  it('may have options behind it, which are passed over', () => {
    const withOption = fromHex(`${GRANT}0200000400000000`)!
    expect(decodePcpResponse(withOption)).toEqual(decodePcpResponse(fromHex(GRANT)!))
  })

  it('is refused beyond the 1,100 bytes of RFC 6887 section 7', () => {
    const ofLength = (bytes: number) => {
      const options = new Uint8Array(bytes - GRANT.length / 2)
      return decodePcpResponse(Uint8Array.of(...fromHex(GRANT)!, ...options))
    }
    expect(ofLength(1_100)).toEqual(decodePcpResponse(fromHex(GRANT)!))
    expect(ofLength(1_104)).toEqual({ ok: false, error: 'malformed' })
  })

  it('may be an error of no more than the header, also in another version', () => {
    const header = fromHex(`01810001${'0'.repeat(40)}`)!
    expect(decodePcpResponse(header)).toMatchObject({
      ok: true,
      value: { result: 1, map: undefined },
    })
    expect(decodePcpResponse(fromHex(`01810000${'0'.repeat(40)}`)!).ok).toBe(false)
  })

  it('is told from a request and from NAT-PMP', () => {
    expect(decodePcpResponse(encodePcpMap(REQUEST))).toEqual({ ok: false, error: 'not-pcp' })
    const natPmp = fromHex('008000000000000acb007107')!
    expect(decodePcpResponse(natPmp)).toEqual({ ok: false, error: 'not-pcp' })
  })

  it('is refused in every truncation, and no alteration or noise makes the decoder throw', () => {
    const whole = fromHex(GRANT)!
    for (const cut of truncations(whole)) expect(decodePcpResponse(cut).ok).toBe(false)
    for (const altered of alterations(whole)) decodePcpResponse(altered)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_200 }), (noise) => {
        const decoded = decodePcpResponse(noise)
        if (decoded.ok) expect(noise.length).toBeLessThanOrEqual(1_100)
      }),
    )
  })

  it('gives back every mapping that a server can write', () => {
    const port = fc.integer({ min: 0, max: 65_535 })
    const ip = fc
      .tuple(...[1, 2, 3, 4].map(() => fc.integer({ min: 0, max: 255 })))
      .map((bytes) => bytes.join('.'))
    const seconds = fc.integer({ min: 0, max: 0xff_ff_ff_ff })
    fc.assert(
      fc.property(port, port, ip, seconds, seconds, (inner, outer, address, life, epochS) => {
        const request = encodePcpMap({ ...REQUEST, internalPort: inner })
        const response = { epochS, lifetimeS: life, port: outer, ip: address }
        expect(decodePcpResponse(pcpResponse(request, response))).toMatchObject({
          value: {
            lifetimeS: life,
            epochS,
            map: { internalPort: inner, externalPort: outer, externalIp: address },
          },
        })
      }),
    )
  })
})
