// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stunCodec } from '../../../agent/shell/stun-codec.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))

/** RFC 5769 section 2.2: a success response over IPv4, with padding that is not zero. */
const RESPONSE_IPV4 = bytes(`
  0101 003c 2112a442 b7e7a701bc34d686fa87dfae
  8022 000b 74657374 20766563 746f7220
  0020 0008 0001a147 e112a643
  0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
  8028 0004 c07d4c96`)

/** RFC 5769 section 2.3: the same over IPv6. */
const RESPONSE_IPV6 = bytes(`
  0101 0048 2112a442 b7e7a701bc34d686fa87dfae
  8022 000b 74657374 20766563 746f7220
  0020 0014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9
  0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41
  8028 0004 c8fb0b4c`)

/** RFC 5769 section 2.1: a request with attributes of ICE. */
const REQUEST = bytes(`
  0001 0058 2112a442 b7e7a701bc34d686fa87dfae
  8022 0010 5354554e 20746573 7420636c 69656e74
  0024 0004 6e0001ff
  8029 0008 932ff9b151263b36
  0006 0009 6576746a 3a683676 59202020
  0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
  8028 0004 e57a3bcf`)

describe('the STUN codec', () => {
  it('reads the IPv4 response of RFC 5769', () => {
    expect(stunCodec.decode(RESPONSE_IPV4)).toEqual({
      ok: true,
      value: {
        type: 'binding-success',
        transaction: 'b7e7a701bc34d686fa87dfae',
        mapped: '192.0.2.1:32853',
      },
    })
  })

  it('reads the IPv6 response of RFC 5769', () => {
    expect(stunCodec.decode(RESPONSE_IPV6)).toMatchObject({
      ok: true,
      value: { mapped: '[2001:db8:1234:5678:11:2233:4455:6677]:32853' },
    })
  })

  it('reads the request of RFC 5769 as another kind of message', () => {
    expect(stunCodec.decode(REQUEST)).toMatchObject({ ok: true, value: { type: 'other' } })
  })

  it('refuses a response whose fingerprint does not hold', () => {
    const forged = RESPONSE_IPV4.slice()
    forged[60]! ^= 1
    expect(stunCodec.decode(forged)).toEqual({ ok: false, error: 'bad-fingerprint' })
  })

  it('writes a binding request with a fingerprint that it accepts itself', () => {
    const request = stunCodec.encodeBindingRequest('000102030405060708090a0b')
    expect(Buffer.from(request.subarray(0, 24)).toString('hex')).toBe(
      '000100082112a442000102030405060708090a0b80280004',
    )
    expect(stunCodec.decode(request)).toEqual({
      ok: true,
      value: { type: 'other', transaction: '000102030405060708090a0b' },
    })
  })

  it('reads the error codes that the package misreads', () => {
    for (const [wire, code] of [
      ['00000401', 401],
      ['00000414', 420],
      ['00000426', 438],
    ] as const) {
      const message = bytes(`0111 0008 2112a442 000102030405060708090a0b 0009 0004 ${wire}`)
      expect(stunCodec.decode(message)).toMatchObject({
        ok: true,
        value: { type: 'binding-error', errorCode: code },
      })
    }
  })

  it('reads the addresses of RFC 5780', () => {
    const message = bytes(`0101 0018 2112a442 000102030405060708090a0b
      802b 0008 0001 0d96 c0000201  802c 0008 0001 0d97 c0000202`)
    expect(stunCodec.decode(message)).toMatchObject({
      ok: true,
      value: { responseOrigin: '192.0.2.1:3478', otherAddress: '192.0.2.2:3479' },
    })
  })

  it('tells what is not STUN from what is malformed', () => {
    expect(stunCodec.decode(new Uint8Array(3))).toEqual({ ok: false, error: 'not-stun' })
    expect(stunCodec.decode(new Uint8Array(64))).toEqual({ ok: false, error: 'not-stun' })
    expect(stunCodec.decode(RESPONSE_IPV4.subarray(0, 60))).toEqual({
      ok: false,
      error: 'malformed',
    })
  })

  it('never throws, whatever is changed in a message', () => {
    const change = fc.record({ at: fc.nat(127), value: fc.nat(255) })
    fc.assert(
      fc.property(
        fc.constantFrom(RESPONSE_IPV4, RESPONSE_IPV6, REQUEST),
        fc.array(change, { maxLength: 6 }),
        fc.boolean(),
        (original, changes, keepFingerprint) => {
          // Without FINGERPRINT the changes are not caught by it, and reach the attributes.
          const message = original.slice(0, keepFingerprint ? undefined : -8)
          if (!keepFingerprint) message[3]! -= 8
          for (const { at, value } of changes) if (at < message.length) message[at] = value
          const decoded = stunCodec.decode(message)
          if (decoded.ok && decoded.value.mapped !== undefined)
            expect(decoded.value.mapped.length).toBeLessThanOrEqual(47)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('never throws on random bytes behind a STUN header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const header = bytes('0101 0000 2112a442 000102030405060708090a0b')
        const message = new Uint8Array([...header, ...tail])
        message[3] = tail.length
        stunCodec.decode(message)
      }),
      { numRuns: 2_000 },
    )
  })

  it('asks for an answer to another port, or from another address, in the words of RFC 5780', () => {
    const transaction = '000102030405060708090a0b'
    const toPort = stunCodec.encodeBindingRequest(transaction, { responsePort: 0x1234 })
    expect(Buffer.from(toPort).toString('hex', 20, 28)).toBe('0027000212340000')
    const change = stunCodec.encodeBindingRequest(transaction, {
      changeAddress: true,
      changePort: true,
    })
    expect(Buffer.from(change).toString('hex', 20, 28)).toBe('0003000400000006')
    for (const request of [toPort, change])
      expect(stunCodec.decode(request)).toEqual({ ok: true, value: { type: 'other', transaction } })
  })
})
