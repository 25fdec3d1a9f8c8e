// SPDX-License-Identifier: Apache-2.0
/** Changes an input as an attacker or a broken line might, from a seed. */
import { type CborValue, decodeCanonical, encodeCanonical } from '../../topology/canonical-cbor.ts'
import type { SeededRandom } from '../sim/seeded-random.ts'

/** No frame of the control plane is larger. */
const INPUT_BYTES_MAX = 300_000

const EDGES: readonly CborValue[] = [
  0,
  -1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  1.5,
  '',
  'x'.repeat(5_000),
  '\u0000\u202e',
  new Uint8Array(),
  new Uint8Array(70_000),
  null,
  true,
  [],
  Array.from({ length: 3_000 }, () => 0),
  {},
]

/** One to four changes of one input; `others` lend pieces. */
export function mutate(
  input: Uint8Array,
  others: readonly Uint8Array[],
  random: SeededRandom,
): Uint8Array {
  let changed = input
  for (let left = random.integer(1, 4); left > 0; left--)
    changed = random.pick(CHANGES)(changed, others, random)
  return changed.slice(0, INPUT_BYTES_MAX)
}

type Change = (input: Uint8Array, others: readonly Uint8Array[], random: SeededRandom) => Uint8Array

const at = (input: Uint8Array, random: SeededRandom) => random.integer(0, input.length)

const CHANGES: readonly Change[] = [
  // One bit, or one byte, is another.
  (input, _, random) => {
    const changed = input.slice()
    if (changed.length > 0)
      changed[random.integer(0, changed.length - 1)]! ^= 1 << random.integer(0, 7)
    return changed
  },
  (input, _, random) => {
    const changed = input.slice()
    if (changed.length > 0) changed[random.integer(0, changed.length - 1)] = random.integer(0, 255)
    return changed
  },
  // Cut short, at either end.
  (input, _, random) => input.slice(0, at(input, random)),
  (input, _, random) => input.slice(at(input, random)),
  // A piece is there twice, or is gone.
  (input, _, random) => {
    const [from, to] = piece(input, random)
    return joined(input.slice(0, to), input.slice(from, to), input.slice(to))
  },
  (input, _, random) => {
    const [from, to] = piece(input, random)
    return joined(input.slice(0, from), input.slice(to))
  },
  // A piece of another one.
  (input, others, random) => {
    const other = random.pick(others)
    const [from, to] = piece(other, random)
    const where = at(input, random)
    return joined(input.slice(0, where), other.slice(from, to), input.slice(where))
  },
  // Heads of CBOR that promise more than there is, and deep nesting.
  (input, _, random) => {
    const where = at(input, random)
    const head = random.pick([
      Uint8Array.of(0x5b, 0, 0, 0, 1, 0, 0, 0, 0),
      Uint8Array.of(0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0xbf),
      Uint8Array.of(0xf9, 0x7e, 0),
      new Uint8Array(random.integer(1, 5_000)).fill(0x81),
    ])
    return joined(input.slice(0, where), head, input.slice(where))
  },
  // A value of the document is another, in the right encoding: this is what gets past the first look.
  ...Array<Change>(6).fill((input, others, random) => {
    const value = decodeCanonical(input, INPUT_BYTES_MAX)
    if (!value.ok) return input
    const lender = decodeCanonical(random.pick(others), INPUT_BYTES_MAX)
    return encodeCanonical(changeValue(value.value, lender.ok ? lender.value : null, random))
  }),
]

function changeValue(value: CborValue, lender: CborValue, random: SeededRandom): CborValue {
  const isList = Array.isArray(value)
  const isMap =
    typeof value === 'object' && value !== null && !isList && !(value instanceof Uint8Array)
  if ((!isList && !isMap) || random.chance(0.15)) return otherValue(value, lender, random)
  const entries = Object.entries(value as Record<string, CborValue>)
  if (entries.length === 0) return otherValue(value, lender, random)
  const [key, inner] = random.pick(entries)
  if (isList) {
    const list = value as CborValue[]
    const index = Number(key)
    if (random.chance(0.1)) return list.toSpliced(index, 1)
    if (random.chance(0.1)) return list.toSpliced(index, 0, inner)
    return list.with(index, changeValue(inner, lender, random))
  }
  if (random.chance(0.1)) return Object.fromEntries(entries.filter(([one]) => one !== key))
  if (random.chance(0.1)) return { ...Object.fromEntries(entries), [`${key}x`]: inner }
  return { ...Object.fromEntries(entries), [key]: changeValue(inner, lender, random) }
}

function otherValue(value: CborValue, lender: CborValue, random: SeededRandom): CborValue {
  if (typeof value === 'number' && random.chance(0.5)) return value + random.pick([-1, 1, 1_000])
  if (typeof value === 'string' && random.chance(0.5))
    return value + random.pick(['', 'a', '/', '-'])
  if (value instanceof Uint8Array && random.chance(0.5)) {
    const bytes = value.slice(0, random.integer(0, value.length))
    return random.chance(0.5) ? bytes : joined(value, bytes)
  }
  return random.chance(0.1) ? lender : random.pick(EDGES)
}

function piece(input: Uint8Array, random: SeededRandom): [from: number, to: number] {
  const from = at(input, random)
  return [from, Math.min(input.length, from + random.integer(0, 64))]
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
