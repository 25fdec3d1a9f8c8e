// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DigestEntry } from '../../topology/anti-entropy.ts'
import { encodeCanonical } from '../../topology/canonical-cbor.ts'
import type { NodeId } from '../../topology/identity.ts'
import { NOTICE_BYTES_MAX } from '../../topology/notice.ts'
import {
  decodeFrame,
  encodeFrame,
  FRAME_BYTES_MAX,
  helloFrames,
  noticeFrames,
  type SyncFrame,
  wantFrames,
} from '../../topology/sync-frame.ts'
import { alterations, truncations } from './mutation.ts'

const nodeOf = (i: number) => i.toString(16).padStart(64, '0') as NodeId

/** As large as entries get. */
function digestOfSize(size: number): DigestEntry[] {
  return Array.from({ length: size }, (_, i) => ({
    node: nodeOf(i),
    serial: Number.MAX_SAFE_INTEGER,
    version: Number.MAX_SAFE_INTEGER,
    tail: '00ff'.repeat(4),
  }))
}

const NOTICES = '0123456789abcdef'

const FRAMES: SyncFrame[] = [
  {
    kind: 'hello',
    record: Uint8Array.of(1, 2),
    digest: digestOfSize(2),
    notices: NOTICES,
    last: true,
  },
  { kind: 'digest', digest: digestOfSize(1), last: false },
  { kind: 'want', nodes: [nodeOf(1), nodeOf(2)], last: true },
  { kind: 'notices', notices: [Uint8Array.of(1), Uint8Array.of(2, 3)], last: true },
]

/** Decodes frames that must all be good and within bounds, the last one marked as such. */
function decoded(frames: readonly Uint8Array[]): SyncFrame[] {
  return frames.map((bytes, i) => {
    expect(bytes.length).toBeLessThanOrEqual(FRAME_BYTES_MAX)
    const frame = decodeFrame(bytes)
    if (!frame.ok) throw new Error(frame.error)
    expect(frame.value.last).toBe(i === frames.length - 1)
    return frame.value
  })
}

describe('a frame', () => {
  test('is read as it was written', () => {
    for (const frame of FRAMES) {
      expect(decodeFrame(encodeFrame(frame))).toEqual({ ok: true, value: frame })
    }
  })

  test('cut short is refused; altered it is refused or another frame, and never throws', () => {
    for (const frame of FRAMES) {
      const bytes = encodeFrame(frame)
      for (const broken of truncations(bytes)) expect(decodeFrame(broken).ok).toBe(false)
      for (const altered of alterations(bytes)) {
        const read = decodeFrame(altered)
        if (read.ok) expect(encodeFrame(read.value)).toEqual(altered)
      }
    }
  })

  test('with more in it than its bounds is refused', () => {
    const many = (length: number) => Array.from({ length }, () => new Uint8Array(32))
    expect(decodeFrame(encodeCanonical(['want', many(2049), true])).ok).toBe(false)
    expect(decodeFrame(encodeCanonical(['notices', many(257), true])).ok).toBe(false)
    expect(
      decodeFrame(encodeCanonical(['notices', [new Uint8Array(NOTICE_BYTES_MAX + 1)], true])).ok,
    ).toBe(false)
    expect(decodeFrame(encodeCanonical(['bye', [], true])).ok).toBe(false)
    expect(decodeFrame(encodeCanonical(['want', [], true, 1])).ok).toBe(false)
    expect(decodeFrame(encodeCanonical(['want', []])).ok).toBe(false)
    expect(decodeFrame(new Uint8Array(FRAME_BYTES_MAX + 1))).toEqual({
      ok: false,
      error: 'too-large',
    })
  })
})

describe('what does not fit one frame', () => {
  test('goes on in the next: a digest of ten thousand nodes', () => {
    const digest = digestOfSize(10_000)
    const frames = decoded(helloFrames(new Uint8Array(8192), digest, NOTICES))
    expect(frames.map(({ kind }) => kind)).toEqual(['hello', ...Array(4).fill('digest')])
    const entries = frames.flatMap((frame) => ('digest' in frame ? frame.digest : []))
    expect(entries).toEqual(digest)
  })

  test('goes on in the next: wanted nodes', () => {
    const nodes = Array.from({ length: 5_000 }, (_, i) => nodeOf(i))
    const frames = decoded(wantFrames(nodes))
    expect(frames.flatMap((frame) => (frame.kind === 'want' ? frame.nodes : []))).toEqual(nodes)
  })

  test('goes on in the next: notices of any sizes', () => {
    const sizes = fc.array(fc.oneof(fc.constant(16_384), fc.integer({ min: 1, max: 16_384 })), {
      maxLength: 400,
      size: 'max',
    })
    fc.assert(
      fc.property(sizes, (lengths) => {
        const notices = lengths.map((length, i) => new Uint8Array(length).fill(i % 256))
        const frames = decoded(noticeFrames(notices))
        const read = frames.flatMap((frame) => (frame.kind === 'notices' ? frame.notices : []))
        expect(read.length).toBe(notices.length)
        expect(read.every((notice, i) => Buffer.compare(notice, notices[i]!) === 0)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  test('with nothing in it is still one frame', () => {
    expect(decoded(wantFrames([]))).toEqual([{ kind: 'want', nodes: [], last: true }])
    expect(decoded(noticeFrames([]))).toEqual([{ kind: 'notices', notices: [], last: true }])
    expect(decoded(helloFrames(Uint8Array.of(1), [], NOTICES))).toHaveLength(1)
  })
})
