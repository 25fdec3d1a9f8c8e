// SPDX-License-Identifier: Apache-2.0
/**
 * The wire, pinned: documents with fixed keys as hex, and what they say. A change here is a change that other
 * versions do not understand. `WRITE_VECTORS=1` writes the files anew, to be reviewed as a diff.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { toHex } from '../../nat/hex.ts'
import { makeJoinRequest, proofKeyOf, verifyJoinRequest } from '../../topology/admission.ts'
import { digestOf } from '../../topology/anti-entropy.ts'
import { signCertificate, verifyCertificate } from '../../topology/certificate-codec.ts'
import { encodeAcceptance, readJoinReply } from '../../topology/join-reply.ts'
import { decodeNetwork, encodeNetwork } from '../../topology/network.ts'
import { makeRenewal, openRenewal } from '../../topology/renewal.ts'
import { createNoticeSet, encodeNotice, noticesDigest, openNotice } from '../../topology/notice.ts'
import { verifyRecord } from '../../topology/record-codec.ts'
import { decodeFrame, encodeFrame } from '../../topology/sync-frame.ts'
import { signSignal, verifySignal } from '../../topology/signal.ts'
import { parseToken } from '../../topology/token.ts'
import { acceptRecord, createView } from '../../topology/view.ts'
import {
  authority,
  certificateOf,
  countingCrypto,
  network,
  NOW,
  policyOf,
  recordOf,
  signalOf,
  revocationOf,
  signer,
  tokenText,
} from './sample-network.ts'

interface Vector {
  /** Hex, or the text of a token. */
  readonly encoded: string
  /** The document as it is read, bytes as hex. */
  readonly reads: unknown
}

const node = signer(2)
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const token = tokenText()

function joinRequest(): Uint8Array {
  const parsed = parseToken(token, nodeCrypto, NOW)
  if (!parsed.ok) throw new Error(parsed.error)
  const { wireguardKey, probeKey } = certificateOf(node)
  const wish = { token: parsed.value, wireguardKey, probeKey, name: 'web-1', now: NOW }
  return makeJoinRequest(wish, node, countingCrypto())
}

function helloFrame(): Uint8Array {
  const view = createView()
  const envelope = recordOf(node)
  const record = verifyRecord(envelope.bytes, network, nodeCrypto, NOW)
  if (!record.ok) throw new Error(record.error)
  acceptRecord(view, record.value, envelope)
  return encodeFrame({
    kind: 'hello',
    record: envelope.bytes,
    digest: digestOf(view),
    notices: noticesDigest(createNoticeSet(), nodeCrypto),
    last: true,
  })
}

const DOCUMENTS: Record<string, { encoded: () => string; read: (encoded: string) => unknown }> = {
  network: {
    encoded: () => toHex(encodeNetwork(network)),
    read: (hex) => decodeNetwork(bytesOf(hex), nodeCrypto),
  },
  certificate: {
    encoded: () => toHex(signCertificate(certificateOf(node), authority)),
    read: (hex) => verifyCertificate(bytesOf(hex), network, nodeCrypto, NOW),
  },
  record: {
    encoded: () => toHex(recordOf(node).bytes),
    read: (hex) => verifyRecord(bytesOf(hex), network, nodeCrypto, NOW),
  },
  token: {
    encoded: () => token,
    read: (text) => parseToken(text, nodeCrypto, NOW),
  },
  revocation: {
    encoded: () => toHex(encodeNotice('revocation', revocationOf(node))),
    read: (hex) => openNotice(bytesOf(hex), network, nodeCrypto, NOW),
  },
  policy: {
    encoded: () => toHex(encodeNotice('policy', policyOf())),
    read: (hex) => openNotice(bytesOf(hex), network, nodeCrypto, NOW),
  },
  renewal: {
    encoded: () => {
      const { wireguardKey, probeKey } = certificateOf(node)
      const wish = { network: network.id, wireguardKey, probeKey, now: NOW }
      return toHex(makeRenewal(wish, node, countingCrypto(), signer(6)))
    },
    read: (hex) => openRenewal(bytesOf(hex), nodeCrypto),
  },
  'join-request': {
    encoded: () => toHex(joinRequest()),
    read: (hex) => {
      const proofKey = proofKeyOf(new Uint8Array(32).fill(5), nodeCrypto)
      return verifyJoinRequest(bytesOf(hex), proofKey, nodeCrypto)
    },
  },
  'join-reply': {
    encoded: () => {
      const request = joinRequest()
      const certificate = signCertificate(certificateOf(node), authority)
      const acceptance = { request, certificate, network, records: [] }
      return toHex(encodeAcceptance(acceptance, authority, nodeCrypto))
    },
    read: (hex) => {
      const awaited = { authorityKey: authority.publicKey, request: joinRequest(), now: NOW }
      return readJoinReply(bytesOf(hex), awaited, nodeCrypto)
    },
  },
  signal: {
    encoded: () => toHex(signSignal(signalOf(), node)),
    read: (hex) => verifySignal(bytesOf(hex), network.id, nodeCrypto, NOW),
  },
  'sync-hello': {
    encoded: () => toHex(helloFrame()),
    read: (hex) => decodeFrame(bytesOf(hex)),
  },
}

describe.each(Object.entries(DOCUMENTS))('the vector %s', (name, { encoded, read }) => {
  const path = new URL(`../vectors/${name}.json`, import.meta.url)
  if (process.env['WRITE_VECTORS'] === '1') {
    const vector: Vector = { encoded: encoded(), reads: readable(read(encoded())) }
    writeFileSync(path, `${JSON.stringify(vector, null, 2)}\n`)
  }
  const vector = JSON.parse(readFileSync(path, 'utf8')) as Vector

  test('is what we write', () => {
    expect(encoded()).toBe(vector.encoded)
  })

  test('is read as it says', () => {
    expect(readable(read(vector.encoded))).toEqual(vector.reads)
    expect(vector.reads).toMatchObject({ ok: true })
  })
})

/** The same with bytes as hex, as JSON can hold it. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]))
}
