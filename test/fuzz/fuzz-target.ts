// SPDX-License-Identifier: Apache-2.0
/**
 * Every parser of the control plane that meets the network, with what must hold whatever it is given: it does not throw, it
 * takes a moment, and what it accepts is, byte for byte, what it would have written itself.
 */
import {
  decodeAcknowledgement,
  decodeControlFrame,
  encodeAcknowledgement,
  encodeControlFrame,
} from '../../topology/control-frame.ts'
import {
  decodeJoinReply,
  decodeJoinRequest,
  encodeJoinReply,
  encodeJoinRequest,
} from '../../agent/shell/underlay/join-frame.ts'
import { nodeCrypto } from '../../agent/shell/node-crypto.ts'
import { err, ok } from '../../nat/result.ts'
import { wallTime } from '../../nat/clock.ts'
import { makeJoinRequest, openJoinRequest } from '../../topology/admission.ts'
import { decodeAsk, decodeTold, encodeAsk, encodeTold } from '../../topology/ask-frame.ts'
import {
  readCertificate,
  signCertificate,
  verifyCertificate,
} from '../../topology/certificate-codec.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { Grant } from '../../topology/grant.ts'
import type { Policy } from '../../topology/policy.ts'
import type { NodeRecord } from '../../topology/record.ts'
import type { Revocation } from '../../topology/revocation.ts'
import type { Signal } from '../../topology/signal.ts'
import type { Delegation, Withdrawal } from '../../topology/delegation.ts'
import type { Signer } from '../../topology/crypto.ts'
import {
  signDelegation,
  signWithdrawal,
  verifyDelegation,
  verifyWithdrawal,
} from '../../topology/delegation.ts'
import { signGrant, verifyGrant } from '../../topology/grant.ts'
import { encodeAcceptance, encodeRefusal, readJoinReply } from '../../topology/join-reply.ts'
import { decodeNetwork, encodeNetwork } from '../../topology/network.ts'
import { encodeNotice, openNotice } from '../../topology/notice.ts'
import { signPolicy, verifyPolicy } from '../../topology/policy-codec.ts'
import { recordNode, verifyRecord } from '../../topology/record-codec.ts'
import { makeRenewal, openRenewal } from '../../topology/renewal.ts'
import { signRevocation, verifyRevocation } from '../../topology/revocation.ts'
import { signSignal, verifySignal } from '../../topology/signal.ts'
import { decodeSwim, encodeSwim } from '../../topology/swim-codec.ts'
import {
  decodeFrame,
  encodeFrame,
  helloFrames,
  noticeFrames,
  wantFrames,
} from '../../topology/sync-frame.ts'
import { parseToken } from '../../topology/token.ts'
import {
  delegationOf,
  authority,
  certificateOf,
  countingCrypto,
  grantOf,
  network,
  NOW,
  policyOf,
  recordOf,
  revocationOf,
  signalOf,
  signer,
  tokenText,
} from '../topology/sample-network.ts'

import { type FuzzTarget, judged, signed, verdict } from './signed-target.ts'

const node = signer(2)

const delegation = delegationOf()
const withdrawal = { network: network.id, key: delegation.key, serial: 7, notAfter: NOW }

function token() {
  const parsed = parseToken(tokenText(), nodeCrypto, NOW)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value
}

const { wireguardKey, probeKey } = certificateOf(node)
const request = makeJoinRequest(
  { token: token(), wireguardKey, probeKey, name: 'web-1', now: NOW },
  node,
  countingCrypto(),
)
const renewal = makeRenewal(
  { network: network.id, wireguardKey, probeKey, now: NOW },
  node,
  countingCrypto(),
)
const certificate = signCertificate(certificateOf(node), authority)
const acceptance = encodeAcceptance(
  { request, network, certificate, records: [recordOf(node).bytes] },
  authority,
  nodeCrypto,
)
const refusal = encodeRefusal({ reason: 'token-expired', sentence: 'Make a new one.' })
const text = new TextEncoder()

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...signed('certificate', authority, {
    seeds: [certificate, signCertificate(certificateOf(node), delegated())],
    seal: (value: Certificate) => signCertificate(value, authority),
    verify: (sealed) => {
      readCertificate(sealed)
      return verifyCertificate(sealed, network, nodeCrypto, NOW)
    },
  }),
  ...signed('grant', authority, {
    seeds: [signGrant(grantOf(), authority)],
    seal: (value: Grant) => signGrant(value, authority),
    verify: (sealed) => verifyGrant(sealed, authority.publicKey, nodeCrypto),
  }),
  ...signed('revocation', authority, {
    seeds: [revocationOf(node)],
    seal: (value: Revocation) => signRevocation(value, authority),
    verify: (sealed) => verifyRevocation(sealed, network, nodeCrypto),
  }),
  ...signed('policy', authority, {
    seeds: [policyOf()],
    seal: (value: Policy) => signPolicy(value, authority),
    verify: (sealed) => verifyPolicy(sealed, network, nodeCrypto),
  }),
  ...signed('delegation', authority, {
    seeds: [signDelegation(delegation, authority)],
    seal: (value: Delegation) => signDelegation(value, authority),
    verify: (sealed) => verifyDelegation(sealed, network, nodeCrypto),
  }),
  ...signed('withdrawal', authority, {
    seeds: [signWithdrawal(withdrawal, authority)],
    seal: (value: Withdrawal) => signWithdrawal(value, authority),
    verify: (sealed) => verifyWithdrawal(sealed, network, nodeCrypto),
  }),
  ...signed('signal', node, {
    seeds: [signSignal(signalOf(), node)],
    seal: (value: Signal) => signSignal(value, node),
    verify: (sealed) => verifySignal(sealed, network.id, nodeCrypto, NOW),
  }),
  ...signed<NodeRecord>('record', node, {
    seeds: [recordOf(node).bytes],
    seal: () => new Uint8Array(),
    verify: (sealed) => {
      recordNode(sealed)
      return verifyRecord(sealed, network, nodeCrypto, NOW)
    },
    isOpen: true,
  }),
  {
    name: 'token',
    seeds: [text.encode(tokenText())],
    run: (input) => verdict(parseToken(new TextDecoder().decode(input), nodeCrypto, NOW)),
  },
  {
    name: 'join-request',
    seeds: [request],
    run: (input) => verdict(openJoinRequest(input, nodeCrypto)),
  },
  {
    name: 'renewal',
    seeds: [renewal],
    run: (input) => verdict(openRenewal(input, nodeCrypto)),
  },
  {
    name: 'join-reply',
    seeds: [acceptance, refusal],
    run: (input) => {
      const awaited = { authorityKey: authority.publicKey, request, now: NOW }
      return verdict(readJoinReply(input, awaited, nodeCrypto))
    },
  },
  {
    name: 'network',
    seeds: [encodeNetwork(network)],
    run: (input) => judged(input, decodeNetwork(input, nodeCrypto), encodeNetwork),
  },
  {
    name: 'notice',
    seeds: [encodeNotice('policy', policyOf()), encodeNotice('revocation', revocationOf(node))],
    run: (input) => verdict(openNotice(input, network, nodeCrypto, NOW)),
  },
  {
    name: 'sync-frame',
    seeds: [
      ...helloFrames(recordOf(node).bytes, [digestEntry()], '0a'.repeat(8)),
      ...wantFrames([certificateOf(node).node]),
      ...noticeFrames([encodeNotice('policy', policyOf())]),
    ],
    run: (input) => judged(input, decodeFrame(input), encodeFrame),
  },
  {
    name: 'control-frame',
    seeds: [
      encodeControlFrame({ number: 7, content: { kind: 'record', bytes: recordOf(node).bytes } }),
    ],
    run: (input) => judged(input, decodeControlFrame(input), encodeControlFrame),
  },
  {
    name: 'acknowledgement',
    seeds: [encodeAcknowledgement(7)],
    run: (input) => {
      const number = decodeAcknowledgement(input)
      return judged(input, number === undefined ? err('none') : ok(number), encodeAcknowledgement)
    },
  },
  {
    name: 'join-frame',
    seeds: [encodeJoinRequest({ hops: 1, request }), encodeJoinReply({ ok: true, value: refusal })],
    run: (input) => {
      decodeJoinReply(input)
      return judged(input, decodeJoinRequest(input), encodeJoinRequest)
    },
  },
  {
    name: 'ask-frame',
    seeds: [encodeAsk({ kind: 'why' }), encodeTold({ kind: 'fault', fault: 'unreached' })],
    run: (input) => {
      decodeTold(input)
      return judged(input, decodeAsk(input), encodeAsk)
    },
  },
  {
    name: 'swim',
    seeds: [
      encodeSwim({
        type: 'ping',
        sequence: 9,
        target: '10.7.0.2',
        updates: [{ life: 'suspect', member: '10.7.0.3', incarnation: 4, by: '10.7.0.1' }],
      }),
    ],
    run: (input) => judged(input, decodeSwim(input), encodeSwim),
  },
]

function delegated(): Signer {
  const notAfter = wallTime(NOW + 1_000 * 86_400_000)
  const bytes = signDelegation({ ...delegation, notAfter }, authority)
  return { ...signer(50), delegation: { bytes, notAfter } }
}

function digestEntry() {
  return { node: certificateOf(node).node, serial: 1, version: 2, tail: '00ff'.repeat(4) }
}
