// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../nat/hex.ts'
import { wallTime } from '../../nat/clock.ts'
import { difference, digestOf } from '../../topology/anti-entropy.ts'
import type { NodeId } from '../../topology/identity.ts'
import type { NodeRecord, RecordEnvelope } from '../../topology/record.ts'
import {
  acceptRecord,
  createView,
  dropExpired,
  members,
  sortedEntries,
  type View,
  type ViewEntry,
} from '../../topology/view.ts'
import { certificateOf, NOW, signer, statementOf } from './sample-network.ts'

/** A record as the view sees it: the view judges no signatures. */
function entryOf(node: number, serial: number, version: number, variant = 0): ViewEntry {
  const id = node.toString(16).padStart(64, '0') as NodeId
  const certificate = { ...certificateOf(signer(2)), node: id, serial }
  const record: NodeRecord = { ...statementOf({ version }), certificate }
  const bytes = Uint8Array.of(9, node, serial, version, variant, 1, 1, 1, 1, 1, 1, 1, variant)
  const envelope: RecordEnvelope = { bytes }
  return { record, envelope }
}

function viewOf(entries: readonly ViewEntry[], nodesMax?: number): View {
  const view = createView(nodesMax)
  for (const { record, envelope } of entries) acceptRecord(view, record, envelope)
  return view
}

const contents = (view: View) => sortedEntries(view).map(({ envelope }) => toHex(envelope.bytes))

const small = fc.integer({ min: 1, max: 3 })
const entries = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 6 }), small, small, fc.integer({ min: 0, max: 1 })),
  { maxLength: 30 },
)
const shuffled = entries.chain((list) =>
  fc.tuple(
    fc.constant(list),
    fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
  ),
)
const made = (list: readonly [number, number, number, number][]) =>
  list.map((shape) => entryOf(...shape))

describe('a view', () => {
  test('is the same for the same records in any order, however often', () => {
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(contents(viewOf([...made(other), ...made(one)]))).toEqual(
          contents(viewOf(made(one))),
        )
      }),
    )
  })

  test('is the same when it is full, too', () => {
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        const full = viewOf(made(one), 3)
        expect(contents(viewOf(made(other), 3))).toEqual(contents(full))
        expect(full.entries.size).toBeLessThanOrEqual(3)
      }),
    )
  })

  test('can be folded from parts', () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const parts = [...sortedEntries(viewOf(made(one))), ...sortedEntries(viewOf(made(other)))]
        expect(contents(viewOf(parts))).toEqual(contents(viewOf([...made(one), ...made(other)])))
      }),
    )
  })

  test('keeps the highest serial, then the highest version, then the greater bytes', () => {
    const view = createView()
    const accept = (...shape: Parameters<typeof entryOf>) => {
      const { record, envelope } = entryOf(...shape)
      return acceptRecord(view, record, envelope)
    }
    expect(accept(1, 1, 5)).toBe('newer')
    expect(accept(1, 1, 5)).toBe('same')
    expect(accept(1, 1, 4)).toBe('older')
    expect(accept(1, 1, 6)).toBe('newer')
    expect(accept(1, 2, 1)).toBe('newer')
    expect(accept(1, 1, 9)).toBe('older')
    expect(accept(1, 2, 1, 1)).toBe('newer')
    expect(accept(1, 2, 1, 0)).toBe('older')
  })

  test('says when there is no room, and keeps the lowest ids', () => {
    const view = createView(2)
    const accept = (node: number) => {
      const { record, envelope } = entryOf(node, 1, 1)
      return acceptRecord(view, record, envelope)
    }
    expect([accept(3), accept(2), accept(4), accept(1), accept(3)]).toEqual([
      'newer',
      'newer',
      'full',
      'newer',
      'full',
    ])
    expect(view.entries.size).toBe(2)
  })

  test('lists members by id, and drops those whose certificate ran out', () => {
    const view = viewOf([entryOf(3, 1, 1), entryOf(1, 1, 1), entryOf(2, 1, 1)])
    const ids = members(view).map(({ certificate }) => certificate.node)
    expect(ids).toEqual([...ids].sort())
    const { notAfter } = certificateOf(signer(2))
    expect(dropExpired(view, wallTime(notAfter - 1))).toEqual([])
    expect(dropExpired(view, notAfter)).toEqual(ids)
    expect(members(view)).toEqual([])
    expect(NOW).toBeLessThan(notAfter)
  })
})

describe('anti-entropy', () => {
  test('makes two views the same in one exchange', () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const [left, right] = [viewOf(made(one)), viewOf(made(other))]
        const both = contents(viewOf([...made(one), ...made(other)]))
        const { send, want } = difference(digestOf(left), digestOf(right))
        const take = (from: View, nodes: readonly NodeId[]) =>
          nodes.map((node) => from.entries.get(node)!)
        const [sent, wanted] = [take(left, send), take(right, want)]
        for (const { record, envelope } of sent) acceptRecord(right, record, envelope)
        for (const { record, envelope } of wanted) acceptRecord(left, record, envelope)
        expect(contents(left)).toEqual(both)
        expect(contents(right)).toEqual(both)
        expect(difference(digestOf(left), digestOf(right))).toEqual({ send: [], want: [] })
      }),
    )
  })

  test('sees the same difference from either side', () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const [left, right] = [digestOf(viewOf(made(one))), digestOf(viewOf(made(other)))]
        const { send, want } = difference(left, right)
        expect(difference(right, left)).toEqual({ send: want, want: send })
      }),
    )
  })
})
