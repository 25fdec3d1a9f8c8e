// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { signerOf } from '../../../../agent/shell/node-crypto.ts'
import { UNDERWAY_BYTES_MAX } from '../../../../topology/control-lane.ts'
import { encodeNotice } from '../../../../topology/notice.ts'
import type { NodeRecord } from '../../../../topology/record.ts'
import { verifyRecord } from '../../../../topology/record-codec.ts'
import { acceptRecord } from '../../../../topology/view.ts'
import { nodeCrypto } from '../../../../agent/shell/node-crypto.ts'
import { network, NOW, recordOf, revocationOf, signer } from '../../../topology/sample-network.ts'
import { type Member, members, targetOf } from './sample-member.ts'

const DEADLINE = { timeout: 20_000, interval: 5 }
const FLOOD = 150

describe('control messages between neighbours', () => {
  const { member, stop } = members()

  /** Members that never spoke to anybody, as records of theirs in a view. Returns the size of one. */
  function crowd({ view }: Member): number {
    let size = 0
    for (let i = 0; i < FLOOD; i++) {
      const seed = new Uint8Array(32).fill(99)
      new DataView(seed.buffer).setUint32(0, i)
      const { bytes } = recordOf(signerOf(seed), {}, { name: `crowd-${i}` })
      const record = verifyRecord(bytes, network, nodeCrypto, NOW)
      if (record.ok) acceptRecord(view, record.value satisfies NodeRecord, { bytes })
      size = bytes.length
    }
    return size
  }

  const records = ({ events }: Member) => events.filter(({ kind }) => kind === 'record').length

  it('bring a revocation before the rest of a large view, which comes whole nevertheless', async () => {
    const [full, empty] = [await member(11), await member(12)]
    const size = crowd(full)
    empty.underlay.setTargets([targetOf(full)])
    await expect.poll(() => records(empty), DEADLINE).toBeGreaterThan(10)
    const bytes = encodeNotice('revocation', revocationOf(signer(13)))
    full.hear(bytes)
    full.underlay.publishNotice(bytes)
    const before = records(empty)
    expect(full.underlay.controlCounts().waiting.low).toBeGreaterThan(0)
    await expect.poll(() => empty.notices.byKey.size, DEADLINE).toBe(1)
    const news = empty.events.map(({ kind }) => kind)
    const ahead = news.slice(0, news.indexOf('notice')).filter((kind) => kind === 'record').length
    // What was underway, and the largest message that may have been begun.
    expect(ahead - before).toBeLessThanOrEqual(UNDERWAY_BYTES_MAX / size + 2)
    await expect.poll(() => empty.view.entries.size, DEADLINE).toBe(FLOOD + 2)
    expect(full.underlay.controlCounts().lost).toBe(0)
  })

  it('go over the connection that they concern: of two hosts with the same keys the later one hears what the earlier said', async () => {
    const [a, early] = [await member(11), await member(12)]
    early.underlay.setTargets([targetOf(a)])
    await expect.poll(() => early.versionOf(a.node), DEADLINE).toBe(NOW)
    // A stream of the lane stands on the connection to the first of the two.
    a.underlay.publishNotice(encodeNotice('revocation', revocationOf(signer(13))))
    await expect.poll(() => early.notices.byKey.size, DEADLINE).toBe(1)
    early.say(NOW + 5)
    await expect.poll(() => a.versionOf(early.node), DEADLINE).toBe(NOW + 5)
    early.underlay.setTargets([])
    const twin = await member(12)
    twin.underlay.setTargets([targetOf(a)])
    await expect.poll(() => twin.versionOf(early.node), DEADLINE).toBe(NOW + 5)
  })

  it('are counted by priority, also those to neighbours that went', async () => {
    const [a, b] = [await member(11), await member(12)]
    a.underlay.setTargets([targetOf(b)])
    await expect.poll(() => b.underlay.neighbours(), DEADLINE).toContain(a.node)
    b.underlay.publishNotice(encodeNotice('revocation', revocationOf(signer(13))))
    await expect.poll(() => a.notices.byKey.size, DEADLINE).toBe(1)
    expect(b.underlay.controlCounts().said.critical).toBe(1)
    await stop(a)
    await expect.poll(() => b.underlay.neighbours(), DEADLINE).toEqual([])
    expect(b.underlay.controlCounts().said.critical).toBe(1)
    expect(b.underlay.controlCounts().waiting).toEqual({ critical: 0, high: 0, normal: 0, low: 0 })
  })
})
