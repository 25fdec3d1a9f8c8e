// SPDX-License-Identifier: Apache-2.0
/**
 * NAT-PMP (RFC 6886).
 * ```
 *            0               1               2               3
 * address  0 | version 0     | opcode 0      |                                   section 3.2
 * answer   0 | version 0     | 128           | result code                   |
 *          4 | seconds since start of epoch                                  |
 *          8 | external IPv4 address                                         |
 * map      0 | version 0     | 1 UDP, 2 TCP  | reserved                      |   section 3.3
 *          4 | internal port                 | suggested external port       |
 *          8 | requested lifetime, seconds; 0 deletes                        |
 * answer   0 | version 0     | 129 or 130    | result code                   |
 *          4 | seconds since start of epoch                                  |
 *          8 | internal port                 | external port                 |
 *         12 | lifetime, seconds                                             |
 * ```
 */
import { formatIp } from './address.ts'
import { err, ok, type Result } from './result.ts'

/** Section 3.5: those that the client tells apart. */
export const NAT_PMP_SUCCESS = 0
export const NAT_PMP_UNSUPPORTED_VERSION = 1

const OPCODES = { udp: 1, tcp: 2 } as const
const ANSWER = 128
const ADDRESS_BYTES = 12
const MAP_BYTES = 16
/** The least that an error holds: up to the epoch. */
const ERROR_BYTES = 8
/** Twice the longest message there is. */
const MESSAGE_BYTES_MAX = 32

export interface NatPmpMapRequest {
  readonly transport: 'udp' | 'tcp'
  readonly internalPort: number
  /** 0: no wish. */
  readonly suggestedPort: number
  /** 0 deletes the mapping. */
  readonly lifetimeS: number
}

export type NatPmpResponse =
  | { readonly kind: 'address'; readonly epochS: number; readonly externalIp: string }
  | {
      readonly kind: 'mapping'
      readonly epochS: number
      readonly transport: 'udp' | 'tcp'
      readonly internalPort: number
      readonly externalPort: number
      readonly lifetimeS: number
    }
  /** `about`: the opcode that was asked. */
  | {
      readonly kind: 'error'
      readonly epochS: number
      readonly result: number
      readonly about: number
    }

export function encodeNatPmpAddressRequest(): Uint8Array {
  return new Uint8Array(2)
}

export function encodeNatPmpMap(request: NatPmpMapRequest): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  bytes[1] = OPCODES[request.transport]
  view.setUint16(4, request.internalPort)
  view.setUint16(6, request.suggestedPort)
  view.setUint32(8, request.lifetimeS)
  return bytes
}

/** Never throws. */
export function decodeNatPmpResponse(
  bytes: Uint8Array,
): Result<NatPmpResponse, 'not-nat-pmp' | 'malformed'> {
  const opcode = bytes[1] ?? 0
  if (bytes[0] !== 0 || opcode < ANSWER) return err('not-nat-pmp')
  if (bytes.length < ERROR_BYTES || bytes.length > MESSAGE_BYTES_MAX) return err('malformed')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const result = view.getUint16(2)
  const epochS = view.getUint32(4)
  const about = opcode - ANSWER
  if (result !== NAT_PMP_SUCCESS) return ok({ kind: 'error', epochS, result, about })
  if (about === 0) {
    if (bytes.length !== ADDRESS_BYTES) return err('malformed')
    return ok({ kind: 'address', epochS, externalIp: formatIp(bytes.subarray(8, 12)) })
  }
  if (about > OPCODES.tcp || bytes.length !== MAP_BYTES) return err('malformed')
  return ok({
    kind: 'mapping',
    epochS,
    transport: about === OPCODES.udp ? 'udp' : 'tcp',
    internalPort: view.getUint16(8),
    externalPort: view.getUint16(10),
    lifetimeS: view.getUint32(12),
  })
}
