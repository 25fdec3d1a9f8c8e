// SPDX-License-Identifier: Apache-2.0
/**
 * STUN messages of the simulation: their meaning in JSON. The bytes of the real ones are the
 * business of agent/shell's codec and its own tests.
 */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import { err, ok } from '../../nat/result.ts'
import type { BindingOptions, StunCodec, StunMessage } from '../../nat/stun-codec.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const simulatedStun: StunCodec = {
  encodeBindingRequest: (transaction, options = {}) =>
    encode({ type: 'other', transaction, ...options }),
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

/** Where the answer to a request goes (RFC 5780 section 7.5). */
export function answerAddress(request: Uint8Array, from: TransportAddress): TransportAddress {
  const { responsePort } = JSON.parse(decoder.decode(request)) as BindingOptions
  const to = transportAddress(addressParts(from).ip, responsePort ?? addressParts(from).port)
  return to.ok ? to.value : from
}

export function encode(message: StunMessage & BindingOptions): Uint8Array {
  return encoder.encode(JSON.stringify(message))
}
