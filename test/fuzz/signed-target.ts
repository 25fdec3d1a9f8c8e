// SPDX-License-Identifier: Apache-2.0
/** What a parser under test is, and how two of them are made for each kind of signed document. */
import { sameBytes } from '../../topology/canonical-cbor.ts'
import type { Signer } from '../../topology/crypto.ts'
import { openEnvelope, sealEnvelope, type SignedKind } from '../../topology/envelope.ts'
import type { Result } from '../../nat/result.ts'

export interface FuzzTarget {
  readonly name: string
  /** Good inputs, to begin with. */
  readonly seeds: readonly Uint8Array[]
  /** What became of an input, in a word: `ok` or the fault. Throws if something does not hold that must. */
  readonly run: (input: Uint8Array) => string
}

/** A result, and what would have been written in the place of the input if it was accepted. */
export function judged<T>(
  input: Uint8Array,
  read: Result<T>,
  write: (value: T) => Uint8Array,
): string {
  if (!read.ok) return read.error
  if (!sameBytes(write(read.value), input)) throw new Error('accepted, and written differently')
  return 'ok'
}

type Read = { readonly ok: true } | { readonly ok: false; readonly error: string }
export const verdict = (read: Read): string => (read.ok ? 'ok' : read.error)

/**
 * Two targets for what is signed: the envelope as it comes, and a payload that its rightful signer signs, whatever it says. A
 * payload that is accepted is what signing its content would have made.
 */
export function signed<T>(
  kind: SignedKind,
  by: Signer,
  parts: {
    readonly seal: (value: T) => Uint8Array
    readonly seeds: readonly Uint8Array[]
    readonly verify: (sealed: Uint8Array) => Result<T>
    /** What later versions add is passed over, so that it is not written again. */
    readonly isOpen?: boolean
  },
): FuzzTarget[] {
  const payloads = parts.seeds.map((sealed) => {
    const envelope = openEnvelope(kind, sealed)
    if (!envelope.ok) throw new Error(envelope.error)
    return envelope.value.payload
  })
  return [
    { name: kind, seeds: parts.seeds, run: (input) => verdict(parts.verify(input)) },
    {
      name: `${kind}-payload`,
      seeds: payloads,
      run: (payload) => {
        if (payload.length === 0) return 'empty'
        const sealed = sealedOrUndefined(kind, payload, by)
        if (sealed === undefined) return 'too-large'
        const read = parts.verify(sealed)
        if (parts.isOpen === true) return verdict(read)
        return judged(sealed, read, parts.seal)
      },
    },
  ]
}

function sealedOrUndefined(kind: SignedKind, payload: Uint8Array, by: Signer) {
  try {
    return sealEnvelope(kind, payload, by)
  } catch (error) {
    // Our own documents fit; what the fuzzer makes may not.
    if (error instanceof RangeError) return undefined
    throw error
  }
}
