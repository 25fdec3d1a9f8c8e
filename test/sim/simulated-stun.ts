// SPDX-License-Identifier: Apache-2.0
/**
 * STUN messages of the simulation: their meaning in JSON. The bytes of the real ones are the
 * business of agent/shell's codec and its own tests.
 */
import type { TransportAddress } from '../../nat/address.ts'
import { err, ok } from '../../nat/result.ts'
import type { StunCodec, StunMessage } from '../../nat/stun-codec.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const simulatedStun: StunCodec = {
  encodeBindingRequest: (transaction) => encode({ type: 'other', transaction }),
  decode: (bytes) => {
    try {
      return ok(JSON.parse(decoder.decode(bytes)) as StunMessage)
    } catch {
      return err('not-stun')
    }
  },
}

/** What a STUN server says to a binding request; undefined for anything else. */
export function bindingSuccess(
  request: Uint8Array,
  mapped: TransportAddress,
): Uint8Array | undefined {
  const message = simulatedStun.decode(request)
  if (!message.ok || message.value.type !== 'other') return undefined
  return encode({ type: 'binding-success', transaction: message.value.transaction, mapped })
}

export function encode(message: StunMessage): Uint8Array {
  return encoder.encode(JSON.stringify(message))
}
