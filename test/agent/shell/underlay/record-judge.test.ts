// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { RecordJudge } from '../../../../agent/shell/underlay/record-judge.ts'
import { signCertificate } from '../../../../topology/certificate-codec.ts'
import { nodeIdOf } from '../../../../topology/identity.ts'
import {
  acceptNotice,
  createNoticeSet,
  encodeNotice,
  openNotice,
} from '../../../../topology/notice.ts'
import { signRecord, verifyRecord } from '../../../../topology/record-codec.ts'
import { acceptRecord, createView } from '../../../../topology/view.ts'
import {
  certificateOf,
  network,
  NOW,
  recordOf,
  revocationOf,
  signer,
  statementOf,
} from '../../../topology/sample-network.ts'

const neighbour = nodeIdOf(signer(9).publicKey)
const other = nodeIdOf(signer(8).publicKey)

function court() {
  const view = createView()
  const notices = createNoticeSet()
  const abusers: string[] = []
  let verified = 0
  const judge = new RecordJudge({
    verify: (bytes) => {
      verified += 1
      return verifyRecord(bytes, network, nodeCrypto, NOW)
    },
    verifyNotice: (bytes) => {
      verified += 1
      return openNotice(bytes, network, nodeCrypto, NOW)
    },
    view: () => view,
    notices: () => notices,
    onAbuse: (from) => abusers.push(from),
  })
  const hear = (bytes: Uint8Array, from = neighbour) => {
    const judgement = judge.judge(bytes, from)
    const record = judgement === 'news' ? verifyRecord(bytes, network, nodeCrypto, NOW) : undefined
    if (record?.ok === true) acceptRecord(view, record.value, { bytes })
    return judgement
  }
  return { judge, hear, view, notices, abusers, verified: () => verified }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('a member that publishes a thousand records a second', () => {
  test('is heard at a human pace, and the others over the same neighbour as ever', () => {
    // All within a moment, however long it takes here.
    vi.useFakeTimers({ toFake: ['performance'] })
    const { hear, verified, abusers } = court()
    const flooder = signer(20)
    const flood = Array.from({ length: 1_000 }, (_, i) => recordOf(flooder, { version: NOW + i }))
    const heard = flood.filter(({ bytes }) => hear(bytes) === 'news').length
    expect(heard).toBeLessThanOrEqual(35)
    expect(verified()).toBeLessThanOrEqual(35)
    expect(hear(recordOf(signer(21)).bytes)).toBe('news')
    // Over another neighbour its latest record still comes through.
    expect(hear(flood.at(-1)!.bytes, other)).toBe('news')
    // It did nothing that an honest neighbour may not pass on.
    expect(abusers).toEqual([])
  })
})

describe('ten thousand fake members', () => {
  test('cost a handful of verifications, no memory, and the neighbour its link', () => {
    const { hear, verified, view, abusers, judge } = court()
    const forger = signer(77)
    for (let i = 0; i < 10_000; i++) {
      const seed = new Uint8Array(32)
      new DataView(seed.buffer).setUint32(0, i + 1)
      // Each another node, of an authority that nobody knows; signed once a hundred, to keep the test quick.
      const fake = i % 100 === 0 ? signer((i / 100) % 256) : forger
      const certificate = signCertificate(certificateOf(fake, { name: `fake-${i}` }), forger)
      const record = i % 100 === 0 ? signRecord(statementOf(), certificate, fake).bytes : seed
      expect(hear(record)).not.toBe('news')
    }
    expect(view.entries.size).toBe(0)
    expect(verified()).toBeLessThanOrEqual(50)
    expect(abusers).toContain(neighbour)
    expect(judge.isShutOut(neighbour)).toBe(true)
    expect(judge.isShutOut(other)).toBe(false)
  })
})

describe('notices', () => {
  test('that are forged shut a neighbour out; those that are known are not passed on again', () => {
    const { judge, notices, abusers } = court()
    const bytes = encodeNotice('revocation', revocationOf(signer(5)))
    expect(judge.judgeNotice(bytes, neighbour)).toBe('news')
    const notice = openNotice(bytes, network, nodeCrypto, NOW)
    if (notice.ok) acceptNotice(notices, notice.value)
    expect(judge.judgeNotice(bytes, neighbour)).toBe('known')
    for (let i = 0; i < 30; i++) judge.judgeNotice(Uint8Array.of(i), other)
    expect(abusers).toEqual([other])
  })
})
