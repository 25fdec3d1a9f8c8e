// SPDX-License-Identifier: Apache-2.0
import { parseTransportAddress, type TransportAddress } from '../../nat/address.ts'

/** A transport address written in a test; a mistake in it is the test's. */
export function at(text: string): TransportAddress {
  const parsed = parseTransportAddress(text)
  if (!parsed.ok) throw new Error(`not a transport address: ${text}`)
  return parsed.value
}
