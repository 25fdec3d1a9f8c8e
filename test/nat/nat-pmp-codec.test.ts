// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../nat/hex.ts'
import {
  decodeNatPmpResponse,
  encodeNatPmpAddressRequest,
  encodeNatPmpMap,
} from '../../nat/nat-pmp-codec.ts'
import { alterations, truncations } from '../topology/mutation.ts'

const ADDRESS = '0080000000003039cb007107'
const MAPPING = '0081000000003039a35cc35000001c20'

describe('a NAT-PMP request', () => {
  it('is laid out as RFC 6886 sections 3.2 and 3.3 draw it', () => {
    expect(toHex(encodeNatPmpAddressRequest())).toBe('0000')
    const wish = { internalPort: 41_820, suggestedPort: 50_000, lifetimeS: 7200 }
    expect(toHex(encodeNatPmpMap({ transport: 'udp', ...wish }))).toBe('00010000a35cc35000001c20')
    const gone = { transport: 'tcp', internalPort: 41_820, suggestedPort: 0, lifetimeS: 0 } as const
    expect(toHex(encodeNatPmpMap(gone))).toBe('00020000a35c000000000000')
  })
})

describe('a NAT-PMP response', () => {
  it('is an address, a mapping or an error', () => {
    expect(decodeNatPmpResponse(fromHex(ADDRESS)!)).toEqual({
      ok: true,
      value: { kind: 'address', epochS: 12_345, externalIp: '203.0.113.7' },
    })
    expect(decodeNatPmpResponse(fromHex(MAPPING)!)).toEqual({
      ok: true,
      value: {
        kind: 'mapping',
        epochS: 12_345,
        transport: 'udp',
        internalPort: 41_820,
        externalPort: 50_000,
        lifetimeS: 7200,
      },
    })
    expect(decodeNatPmpResponse(fromHex('0082000200003039')!)).toEqual({
      ok: true,
      value: { kind: 'error', epochS: 12_345, result: 2, about: 2 },
    })
  })

  it('is refused if an error comes with more than 32 bytes', () => {
    const ofLength = (bytes: number) => {
      const rest = new Uint8Array(bytes - 8)
      return decodeNatPmpResponse(Uint8Array.of(...fromHex('0082000200003039')!, ...rest))
    }
    expect(ofLength(32)).toMatchObject({ ok: true, value: { kind: 'error', result: 2 } })
    expect(ofLength(33)).toEqual({ ok: false, error: 'malformed' })
  })

  it('is told from a request and from PCP', () => {
    expect(decodeNatPmpResponse(encodeNatPmpAddressRequest()).ok).toBe(false)
    expect(decodeNatPmpResponse(fromHex(`0281${'0'.repeat(44)}`)!)).toEqual({
      ok: false,
      error: 'not-nat-pmp',
    })
  })

  it('is refused in every truncation and lengthening; no alteration or noise makes the decoder throw', () => {
    for (const text of [ADDRESS, MAPPING]) {
      const whole = fromHex(text)!
      for (const cut of truncations(whole)) expect(decodeNatPmpResponse(cut).ok).toBe(false)
      expect(decodeNatPmpResponse(Uint8Array.of(...whole, 0)).ok).toBe(false)
      for (const altered of alterations(whole)) decodeNatPmpResponse(altered)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => void decodeNatPmpResponse(noise)),
    )
  })
})
