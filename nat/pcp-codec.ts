// SPDX-License-Identifier: Apache-2.0
/**
 * PCP's MAP (RFC 6887), as far as a client needs it.
 * ```
 *            0               1               2               3
 * request  0 | version 2     | R=0, opcode 1 | reserved                      |   section 7.1
 *          4 | requested lifetime, seconds                                   |
 *          8 | client's IP address, 16 bytes; IPv4 as ::ffff:a.b.c.d         |
 * response 0 | version 2     | R=1, opcode   | reserved      | result code   |   section 7.2
 *          4 | lifetime, seconds                                             |
 *          8 | epoch time, seconds                                           |
 *         12 | reserved, 12 bytes                                            |
 * MAP     24 | nonce, 12 bytes                                               |   section 11.1
 *         36 | protocol      | reserved                                      |
 *         40 | internal port                 | external port                 |
 *         44 | external IP address, 16 bytes                                 |
 * ```
 */
import { formatIp, parseIp } from './address.ts'
import { toHex } from './hex.ts'
import { err, ok, type Result } from './result.ts'

/** IANA protocol numbers. */
export const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const

export const PCP_NONCE_BYTES = 12

/** Section 7.4: those that the client tells apart. */
export const PCP_SUCCESS = 0
export const PCP_UNSUPPORTED_VERSION = 1

const VERSION = 2
const OPCODE_MAP = 1
const HEADER_BYTES = 24
const MAP_BYTES = 60
/** Section 7: a longer message must not be sent, and is none. */
const MESSAGE_BYTES_MAX = 1_100

export interface PcpMapRequest {
  /** 0 deletes the mapping. */
  readonly lifetimeS: number
  /** From which the request is sent: the server refuses if a NAT has changed it (section 11.3). */
  readonly clientIp: string
  readonly nonce: Uint8Array
  readonly protocol: number
  readonly internalPort: number
  /** What the client would like to have, or had before. 0 and undefined: no wish. */
  readonly suggestedPort: number
  readonly suggestedIp: string | undefined
}

export interface PcpResponse {
  readonly result: number
  readonly lifetimeS: number
  readonly epochS: number
  /** Undefined in an answer to anything but MAP, and in an error that carries no more than the header. */
  readonly map: PcpMapping | undefined
  /** Whether the answer is to MAP at all. */
  readonly answersMap: boolean
}

export interface PcpMapping {
  /** 24 hex digits. */
  readonly nonce: string
  readonly protocol: number
  readonly internalPort: number
  readonly externalPort: number
  readonly externalIp: string
}

export function encodePcpMap(request: PcpMapRequest): Uint8Array {
  const bytes = new Uint8Array(MAP_BYTES)
  const view = new DataView(bytes.buffer)
  const client = ipField(request.clientIp)
  bytes[0] = VERSION
  bytes[1] = OPCODE_MAP
  view.setUint32(4, request.lifetimeS)
  bytes.set(client, 8)
  bytes.set(request.nonce.subarray(0, PCP_NONCE_BYTES), 24)
  bytes[36] = request.protocol
  view.setUint16(40, request.internalPort)
  view.setUint16(42, request.suggestedPort)
  bytes.set(
    request.suggestedIp === undefined ? unspecified(client) : ipField(request.suggestedIp),
    44,
  )
  return bytes
}

/** Never throws. Options that follow the mapping are passed over. */
export function decodePcpResponse(bytes: Uint8Array): Result<PcpResponse, 'not-pcp' | 'malformed'> {
  if (bytes.length < 2 || bytes[0] === 0 || (bytes[1]! & 0x80) === 0) return err('not-pcp')
  if (bytes.length < HEADER_BYTES || bytes.length > MESSAGE_BYTES_MAX) return err('malformed')
  if (bytes.length % 4 !== 0) return err('malformed')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const result = bytes[3]!
  // Section 9: a server of another version says so in its own version, and in no other answer.
  if (bytes[0] !== VERSION && result !== PCP_UNSUPPORTED_VERSION) return err('malformed')
  const answersMap = (bytes[1]! & 0x7f) === OPCODE_MAP
  const header = { result, lifetimeS: view.getUint32(4), epochS: view.getUint32(8), answersMap }
  if (!answersMap || (bytes.length < MAP_BYTES && result !== PCP_SUCCESS)) {
    return ok({ ...header, map: undefined })
  }
  if (bytes.length < MAP_BYTES) return err('malformed')
  const map = {
    nonce: toHex(bytes.subarray(24, 36)),
    protocol: bytes[36]!,
    internalPort: view.getUint16(40),
    externalPort: view.getUint16(42),
    externalIp: formatIp(bytes.subarray(44, 60)),
  }
  return ok({ ...header, map })
}

/** Section 5: an IPv4 address stands in the field as an IPv4-mapped IPv6 address. */
function ipField(ip: string): Uint8Array {
  const parsed = parseIp(ip)
  if (!parsed.ok) throw new RangeError(`no IP address: ${ip}`)
  if (parsed.value.length === 16) return parsed.value
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...parsed.value)
}

/** Section 11.1: no wish is the unspecified address of the wanted family. */
function unspecified(client: Uint8Array): Uint8Array {
  const isIpv4 = client.subarray(0, 10).every((byte) => byte === 0) && client[10] === 0xff
  return isIpv4 ? ipField('0.0.0.0') : new Uint8Array(16)
}
