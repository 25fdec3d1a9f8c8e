// SPDX-License-Identifier: Apache-2.0
/**
 * Documents whose signature holds and whose encoding is not the one that it should be: keys in another order or given twice, a
 * map without a length, numbers written as floats, something behind the end, keys that nobody knows. All are refused, or else two
 * members could read one document differently. And those whose encoding is right and whose signature is over something else.
 */
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { makeJoinRequest, openJoinRequest } from '../../topology/admission.ts'
import { type CborValue, decodeCanonical, encodeCanonical } from '../../topology/canonical-cbor.ts'
import { signCertificate, verifyCertificate } from '../../topology/certificate-codec.ts'
import type { Signer } from '../../topology/crypto.ts'
import {
  signDelegation,
  signWithdrawal,
  verifyDelegation,
  verifyWithdrawal,
} from '../../topology/delegation.ts'
import {
  domainSeparated,
  ENVELOPE_BYTES_MAX,
  openEnvelope,
  sealEnvelope,
  type SignedKind,
} from '../../topology/envelope.ts'
import { signGrant, verifyGrant } from '../../topology/grant.ts'
import { encodeAcceptance, readJoinReply } from '../../topology/join-reply.ts'
import { verifyPolicy } from '../../topology/policy-codec.ts'
import { verifyRecord } from '../../topology/record-codec.ts'
import { makeRenewal, openRenewal } from '../../topology/renewal.ts'
import { verifyRevocation } from '../../topology/revocation.ts'
import { signSignal, verifySignal } from '../../topology/signal.ts'
import { parseToken } from '../../topology/token.ts'
import {
  delegationOf,
  authority,
  certificateOf,
  grantOf,
  network,
  NOW,
  policyOf,
  recordOf,
  revocationOf,
  signalOf,
  signer,
  tokenText,
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

const delegation = delegationOf()

const certificate = certificateOf(node)
const keys = { wireguardKey: certificate.wireguardKey, probeKey: certificate.probeKey }
const token = parseToken(tokenText(), nodeCrypto, NOW)
if (!token.ok) throw new Error(token.error)
const request = makeJoinRequest(
  { token: token.value, ...keys, name: 'web-1', now: NOW },
  node,
  nodeCrypto,
)
const acceptance = decodeCanonical(
  encodeAcceptance(
    { request, network, certificate: signCertificate(certificate, authority), records: [] },
    authority,
    nodeCrypto,
  ),
  65_536,
)
if (!acceptance.ok) throw new Error(acceptance.error)
const admission = (acceptance.value as Record<string, CborValue>)['accepted'] as Uint8Array

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
  {
    kind: 'delegation',
    by: authority,
    sealed: signDelegation(delegation, authority),
    isAccepted: (sealed) => verifyDelegation(sealed, network, nodeCrypto).ok,
  },
  {
    kind: 'withdrawal',
    by: authority,
    sealed: signWithdrawal(
      { network: network.id, key: delegation.key, serial: 7, notAfter: NOW },
      authority,
    ),
    isAccepted: (sealed) => verifyWithdrawal(sealed, network, nodeCrypto).ok,
  },
  {
    kind: 'signal',
    by: node,
    sealed: signSignal(signalOf(), node),
    isAccepted: (sealed) => verifySignal(sealed, network.id, nodeCrypto, NOW).ok,
  },
  {
    kind: 'join',
    by: node,
    sealed: partOf(request, 0),
    // The proof is over the envelope as a whole, and for whoever knows the token.
    isAccepted: (sealed) =>
      openJoinRequest(encodeCanonical([sealed, new Uint8Array(32)]), nodeCrypto).ok,
  },
  {
    kind: 'renewal',
    by: node,
    sealed: partOf(makeRenewal({ network: network.id, ...keys, now: NOW }, node, nodeCrypto), 1),
    isAccepted: (sealed) => openRenewal(encodeCanonical(['renewal', sealed, null]), nodeCrypto).ok,
  },
  {
    kind: 'admission',
    by: authority,
    sealed: admission,
    isAccepted: (accepted) => {
      const reply = encodeCanonical({ accepted, refused: null, records: [] })
      return readJoinReply(
        reply,
        { authorityKey: authority.publicKey, request, now: NOW },
        nodeCrypto,
      ).ok
    },
  },
]

/** Of a message that is a list. */
function partOf(message: Uint8Array, index: number): Uint8Array {
  const list = decodeCanonical(message, 65_536)
  return (list.ok ? (list.value as CborValue[])[index] : undefined) as Uint8Array
}

type Pairs = [key: Uint8Array, value: Uint8Array][]

const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const map = (pairs: Pairs) => joined([Uint8Array.of(0xa0 + pairs.length), ...pairs.flat()])

/** Seven, as eight bytes of a float. */
const FLOAT = Uint8Array.from(Buffer.from('fb401c000000000000', 'hex'))

const isNumber = (value: Uint8Array) => value[0]! >> 5 === 0

const HOSTILE: Record<string, (pairs: Pairs) => Uint8Array> = {
  'keys in another order': (pairs) => map(pairs.toReversed()),
  'a key that is given twice': (pairs) => map([...pairs, pairs[0]!]),
  'a map without a length': (pairs) =>
    joined([Uint8Array.of(0xbf), ...pairs.flat(), Uint8Array.of(0xff)]),
  'a number that is a float': (pairs) =>
    map(pairs.map(([key, value], i) => [key, isNumber(value) || i === 0 ? FLOAT : value])),
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

  test('with the signature of another document is refused, and with one for another kind', () => {
    const other = openEnvelope(kind, sealEnvelope(kind, Uint8Array.of(0xa0), by))
    const own = openEnvelope(kind, document.sealed)
    if (!other.ok || !own.ok) throw new Error('an envelope cannot be opened')
    expect(isAccepted(encodeCanonical([own.value.payload, own.value.signature]))).toBe(true)
    expect(isAccepted(encodeCanonical([own.value.payload, other.value.signature]))).toBe(false)
    // The largest envelope there is, so that every payload fits.
    const disguise = kind === 'policy' ? 'record' : 'policy'
    expect(isAccepted(sealEnvelope(disguise, own.value.payload, by))).toBe(false)
    expect(isAccepted(sealEnvelope(kind, own.value.payload, signer(66)))).toBe(false)
  })

  test('larger than its kind may be is refused, though all of it is signed', () => {
    const giant = map([
      ...pairsOf(document),
      [encodeCanonical('zzzzzzzzzzzzzzzz'), encodeCanonical('z'.repeat(ENVELOPE_BYTES_MAX[kind]))],
    ])
    const signature = by.sign(domainSeparated(kind, giant))
    expect(isAccepted(encodeCanonical([giant, signature]))).toBe(false)
  })

  test(`with a key that nobody knows is ${isOpen === true ? 'accepted' : 'refused'}`, () => {
    const unknown: Pairs[number] = [encodeCanonical('zzzzzzzzzzzzzzzz'), encodeCanonical(1)]
    const payload = map([...pairsOf(document), unknown])
    expect(isAccepted(sealEnvelope(kind, payload, by))).toBe(isOpen === true)
  })
})
