// SPDX-License-Identifier: Apache-2.0
/**
 * STUN on the wire (RFC 8489), through the `stun` package. What that package gets wrong is done
 * here on the raw bytes: it misreads ERROR-CODE, and its checks encode a message anew before they
 * compare, so that any attribute unknown to it fails them.
 */
import { crc32 } from 'node:zlib'
import stun from 'stun'
import { type TransportAddress, transportAddress } from '../../nat/address.ts'
import { err, ok, type Result } from '../../nat/result.ts'
import type { BindingOptions, StunCodec, StunFault, StunMessage } from '../../nat/stun-codec.ts'

const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
/** More than any path's MTU carries; a UDP answer is far smaller. */
const MESSAGE_BYTES_MAX = 1500
const ATTRIBUTES_MAX = 32

const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111

const MAPPED_ADDRESS = 0x0001
const ERROR_CODE = 0x0009
const XOR_MAPPED_ADDRESS = 0x0020
const CHANGE_REQUEST = 0x0003
const RESPONSE_PORT = 0x0027
const FINGERPRINT = 0x8028
const RESPONSE_ORIGIN = 0x802b
const OTHER_ADDRESS = 0x802c

/** RFC 8489 section 14.7: tells a STUN CRC from that of another protocol on the same port. */
const FINGERPRINT_XOR = 0x5354554e

export const stunCodec: StunCodec = { encodeBindingRequest, decode }

function encodeBindingRequest(transaction: string, options: BindingOptions = {}): Uint8Array {
  if (!/^[0-9a-f]{24}$/i.test(transaction))
    throw new RangeError('a STUN transaction is 24 hex digits')
  const header = stun.encode(stun.createMessage(BINDING_REQUEST, Buffer.from(transaction, 'hex')))
  const attributes = optionAttributes(options)
  const message = Buffer.alloc(HEADER_BYTES + 8 * (attributes.length + 1))
  message.set(header)
  message.writeUInt16BE(message.length - HEADER_BYTES, 2)
  attributes.forEach((attribute, i) => message.set(attribute, HEADER_BYTES + 8 * i))
  const end = message.length - 8
  message.set(wordAttribute(FINGERPRINT, fingerprint(message, end)), end)
  return new Uint8Array(message)
}

function optionAttributes({ responsePort, changeAddress, changePort }: BindingOptions): Buffer[] {
  const change = (changeAddress === true ? 4 : 0) | (changePort === true ? 2 : 0)
  return [
    ...(responsePort === undefined ? [] : [responsePortAttribute(responsePort)]),
    ...(change === 0 ? [] : [wordAttribute(CHANGE_REQUEST, change)]),
  ]
}

/** Two bytes of port, and two that pad. */
function responsePortAttribute(port: number): Buffer {
  const attribute = wordAttribute(RESPONSE_PORT, port * 0x1_0000)
  attribute.writeUInt16BE(2, 2)
  return attribute
}

function wordAttribute(type: number, word: number): Buffer {
  const attribute = Buffer.alloc(8)
  attribute.writeUInt16BE(type, 0)
  attribute.writeUInt16BE(4, 2)
  attribute.writeUInt32BE(word >>> 0, 4)
  return attribute
}

function decode(bytes: Uint8Array): Result<StunMessage, StunFault> {
  if (bytes.length < HEADER_BYTES || bytes.length > MESSAGE_BYTES_MAX) return err('not-stun')
  // The package keeps slices of what it is given: let them be of a copy.
  const raw = Buffer.from(bytes)
  if (raw[0]! > 0x3f || raw.readUInt32BE(4) !== MAGIC_COOKIE) return err('not-stun')
  const attributes = walk(raw)
  if (attributes === undefined) return err('malformed')
  const print = attributes.get(FINGERPRINT)
  if (print !== undefined && !fingerprintHolds(raw, print)) return err('bad-fingerprint')
  const packet = parse(raw)
  if (packet === undefined) return err('malformed')
  const address = (type: number) => addressOf(packet, type)
  const mapped = address(XOR_MAPPED_ADDRESS) ?? address(MAPPED_ADDRESS)
  const otherAddress = address(OTHER_ADDRESS)
  const responseOrigin = address(RESPONSE_ORIGIN)
  const errorCode = errorCodeOf(attributes.get(ERROR_CODE))
  return ok({
    type: typeOf(raw.readUInt16BE(0)),
    transaction: raw.toString('hex', 8, HEADER_BYTES),
    ...(mapped !== undefined && { mapped }),
    ...(otherAddress !== undefined && { otherAddress }),
    ...(responseOrigin !== undefined && { responseOrigin }),
    ...(errorCode !== undefined && { errorCode }),
  })
}

/** The first value of each attribute, or undefined if the lengths do not add up. */
function walk(raw: Buffer): Map<number, Buffer> | undefined {
  const length = raw.readUInt16BE(2)
  if (length % 4 !== 0 || length !== raw.length - HEADER_BYTES) return undefined
  const found = new Map<number, Buffer>()
  let count = 0
  for (let at = HEADER_BYTES; at < raw.length; ) {
    if (at + 4 > raw.length || ++count > ATTRIBUTES_MAX) return undefined
    const type = raw.readUInt16BE(at)
    const size = raw.readUInt16BE(at + 2)
    const end = at + 4 + size
    const padded = at + 4 + Math.ceil(size / 4) * 4
    if (padded > raw.length) return undefined
    if (!found.has(type)) found.set(type, raw.subarray(at + 4, end))
    at = padded
  }
  return found
}

/** FINGERPRINT is the last attribute, and covers all that precedes it. */
function fingerprintHolds(raw: Buffer, value: Buffer): boolean {
  const start = raw.length - 8
  if (value.length !== 4 || value.byteOffset !== raw.byteOffset + start + 4) return false
  return value.readUInt32BE(0) === fingerprint(raw, start)
}

function fingerprint(raw: Buffer, end: number): number {
  return (crc32(raw.subarray(0, end)) ^ FINGERPRINT_XOR) >>> 0
}

function parse(raw: Buffer): ReturnType<typeof stun.decode> | undefined {
  try {
    return stun.decode(raw)
  } catch {
    // Whatever the package stumbles over is the sender's fault.
    return undefined
  }
}

function addressOf(
  packet: ReturnType<typeof stun.decode>,
  type: number,
): TransportAddress | undefined {
  const value = packet.getAttribute(type)?.value
  if (typeof value !== 'object' || value === null) return undefined
  const { address, port } = value as { address?: unknown; port?: unknown }
  if (typeof address !== 'string' || typeof port !== 'number') return undefined
  const parsed = transportAddress(address, port)
  return parsed.ok ? parsed.value : undefined
}

/** Class in the low three bits of the third byte, number in the fourth (section 14.8). */
function errorCodeOf(value: Buffer | undefined): number | undefined {
  if (value === undefined || value.length < 4) return undefined
  const code = (value[2]! & 0x07) * 100 + value[3]!
  return code >= 300 && code <= 699 ? code : undefined
}

function typeOf(type: number): StunMessage['type'] {
  if (type === BINDING_SUCCESS) return 'binding-success'
  return type === BINDING_ERROR ? 'binding-error' : 'other'
}
