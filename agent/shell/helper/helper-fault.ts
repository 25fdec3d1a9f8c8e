// SPDX-License-Identifier: Apache-2.0
import type { HelperFault } from '../../core/helper-fault.ts'
import { problemsSchema, systemSchema, tooLargeSchema } from './helper-schema.ts'
import type { RpcError } from './rpc-connection.ts'

/** Codes of native/PROTOCOL.md, section Errors. */
export const HELPER_ERROR = {
  parse: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  helloFirst: -32001,
  protocolNotSupported: -32002,
  refused: -32010,
  system: -32011,
  tooMany: -32020,
  noReply: -32030,
  tooLarge: -32031,
  noSuchPeer: -32040,
} as const

/** The helper's error in our own words. */
export function faultOf({ code, message, data }: RpcError): HelperFault {
  switch (code) {
    case HELPER_ERROR.refused:
    case HELPER_ERROR.invalidParams: {
      const parsed = problemsSchema.safeParse(data)
      return { kind: 'refused', message, problems: parsed.success ? parsed.data.problems : [] }
    }
    case HELPER_ERROR.system: {
      const parsed = systemSchema.safeParse(data)
      const known = parsed.success ? parsed.data : { reason: 'system' as const, remedy: '' }
      return { kind: 'system', message, ...known }
    }
    case HELPER_ERROR.tooMany:
      return { kind: 'too-many', message }
    case HELPER_ERROR.noReply:
      return { kind: 'no-reply', message }
    case HELPER_ERROR.tooLarge: {
      const parsed = tooLargeSchema.safeParse(data)
      return { kind: 'too-large', message, mtu: parsed.success ? parsed.data.mtu : 0 }
    }
    case HELPER_ERROR.noSuchPeer:
      return { kind: 'no-such-peer', message }
    default:
      return { kind: 'protocol', message, code }
  }
}
