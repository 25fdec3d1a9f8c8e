// SPDX-License-Identifier: Apache-2.0
/**
 * Documents whose signature holds and whose encoding is not the one that it should be: keys in another order or given twice, a
 * map without a length, numbers written as floats, something behind the end, keys that nobody knows. All are refused, or else two
 * members could read one document differently.
 */
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { type CborValue, decodeCanonical, encodeCanonical } from '../../topology/canonical-cbor.ts'
import { signCertificate, verifyCertificate } from '../../topology/certificate-codec.ts'
import type { Signer } from '../../topology/crypto.ts'
import { openEnvelope, sealEnvelope, type SignedKind } from '../../topology/envelope.ts'
import { signGrant, verifyGrant } from '../../topology/grant.ts'
import { verifyPolicy } from '../../topology/policy-codec.ts'
import { verifyRecord } from '../../topology/record-codec.ts'
import { verifyRevocation } from '../../topology/revocation.ts'
import {
  authority,
  certificateOf,
  grantOf,
  network,
  NOW,
  policyOf,
  recordOf,
  revocationOf,
  signer,
} from './sample-network.ts'

interface Document {
  readonly kind: SignedKind
  readonly by: Signer
  readonly sealed: Uint8Array
  readonly isAccepted: (sealed: Uint8Array) => boolean
  /** Whether later versions may add keys. */
  readonly isOpen?: boolean
}

const node = signer(2)

const DOCUMENTS: readonly Document[] = [
  {
    kind: 'certificate',
    by: authority,
    sealed: signCertificate(certificateOf(node), authority),
    isAccepted: (sealed) => verifyCertificate(sealed, network, nodeCrypto, NOW).ok,
  },
  {
    kind: 'record',
    by: node,
    sealed: recordOf(node).bytes,
    isAccepted: (sealed) => verifyRecord(sealed, network, nodeCrypto, NOW).ok,
    isOpen: true,
  },
  {
    kind: 'revocation',
    by: authority,
    sealed: revocationOf(node),
    isAccepted: (sealed) => verifyRevocation(sealed, network, nodeCrypto).ok,
  },
  {
    kind: 'policy',
    by: authority,
    sealed: policyOf(),
    isAccepted: (sealed) => verifyPolicy(sealed, network, nodeCrypto).ok,
  },
  {
    kind: 'grant',
    by: authority,
    sealed: signGrant(grantOf(), authority),
    isAccepted: (sealed) => verifyGrant(sealed, authority.publicKey, nodeCrypto).ok,
  },
]

type Pairs = [key: Uint8Array, value: Uint8Array][]

const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const map = (pairs: Pairs) => joined([Uint8Array.of(0xa0 + pairs.length), ...pairs.flat()])

/** Seven, as eight bytes of a float. */
const FLOAT = Uint8Array.from(Buffer.from('fb401c000000000000', 'hex'))

const HOSTILE: Record<string, (pairs: Pairs) => Uint8Array> = {
  'keys in another order': (pairs) => map(pairs.toReversed()),
  'a key that is given twice': (pairs) => map([...pairs, pairs[0]!]),
  'a map without a length': (pairs) =>
    joined([Uint8Array.of(0xbf), ...pairs.flat(), Uint8Array.of(0xff)]),
  'a number that is a float': (pairs) =>
    map(pairs.map(([key, value]) => [key, value[0]! >> 5 === 0 ? FLOAT : value])),
  'a key that is missing': (pairs) => map(pairs.slice(1)),
  'something behind the end': (pairs) => joined([map(pairs), Uint8Array.of(0)]),
  'a field that is undefined': (pairs) =>
    map(pairs.map(([key, value], i) => [key, i === 0 ? Uint8Array.of(0xf7) : value])),
  'a map that promises more than there is': (pairs) => {
    const whole = map(pairs)
    whole[0]! += 1
    return whole
  },
}

function pairsOf({ kind, sealed }: Document): Pairs {
  const envelope = openEnvelope(kind, sealed)
  const payload = envelope.ok ? decodeCanonical(envelope.value.payload, 8_192) : envelope
  if (!payload.ok) throw new Error(payload.error)
  const entries = Object.entries(payload.value as Record<string, CborValue>)
  // Shorter keys first: the canonical order.
  const pairs = entries.map(([key, value]): Pairs[number] => [
    encodeCanonical(key),
    encodeCanonical(value),
  ])
  return pairs.sort(([a], [b]) => Buffer.compare(a, b))
}

describe.each(DOCUMENTS)('a $kind', (document) => {
  const { kind, by, isAccepted, isOpen } = document

  test('is accepted as it should be written: the tests below fail for the right reason', () => {
    expect(isAccepted(sealEnvelope(kind, map(pairsOf(document)), by))).toBe(true)
  })

  test.each(Object.entries(HOSTILE))(
    'with %s is refused, although its signature holds',
    (_, change) => {
      expect(isAccepted(sealEnvelope(kind, change(pairsOf(document)), by))).toBe(false)
    },
  )

  test(`with a key that nobody knows is ${isOpen === true ? 'accepted' : 'refused'}`, () => {
    const unknown: Pairs[number] = [encodeCanonical('zzzzzzzzzzzzzzzz'), encodeCanonical(1)]
    const payload = map([...pairsOf(document), unknown])
    expect(isAccepted(sealEnvelope(kind, payload, by))).toBe(isOpen === true)
  })
})
