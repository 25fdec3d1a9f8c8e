// SPDX-License-Identifier: Apache-2.0
/**
 * One description of a document for both directions: what is written can be read, and what is read
 * is exactly what would be written. Reading gives undefined for whatever does not fit; it never throws.
 */
import { formatIp, parseIp } from '../nat/address.ts'
import { fromHex, toHex } from '../nat/hex.ts'
import { err, ok, type Result } from '../nat/result.ts'
import {
  type CborFault,
  type CborValue,
  decodeCanonical,
  encodeCanonical,
} from './canonical-cbor.ts'

export interface Schema<T> {
  write(value: T): CborValue
  read(value: CborValue): T | undefined
}

export function encodeAs<T>(schema: Schema<T>, value: T): Uint8Array {
  return encodeCanonical(schema.write(value))
}

export function decodeAs<T>(
  schema: Schema<T>,
  bytes: Uint8Array,
  maxBytes: number,
): Result<T, CborFault> {
  const value = decodeCanonical(bytes, maxBytes)
  if (!value.ok) return value
  const read = schema.read(value.value)
  return read === undefined ? err('malformed') : ok(read)
}

export const boolean: Schema<boolean> = {
  write: (value) => value,
  read: (value) => (typeof value === 'boolean' ? value : undefined),
}

export function integer<T extends number = number>(min: number, max: number): Schema<T> {
  return {
    write: (value) => value,
    read: (value) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
        ? (value as T)
        : undefined,
  }
}

/** Bytes of a length between two bounds, both included. */
export function bytes(min: number, max: number = min): Schema<Uint8Array> {
  return {
    write: (value) => value,
    read: (value) =>
      value instanceof Uint8Array && value.length >= min && value.length <= max ? value : undefined,
  }
}

/** Bytes on the wire, lower-case hex text in the program. */
export function hex<T extends string>(length: number): Schema<T> {
  return {
    write: (value) => fromHex(value) ?? null,
    read: (value) =>
      value instanceof Uint8Array && value.length === length ? (toHex(value) as T) : undefined,
  }
}

export function text<T extends string = string>(fits: (text: string) => boolean): Schema<T> {
  return {
    write: (value) => value,
    read: (value) => (typeof value === 'string' && fits(value) ? (value as T) : undefined),
  }
}

export function oneOf<T extends string>(...words: readonly T[]): Schema<T> {
  return text<T>((value) => (words as readonly string[]).includes(value))
}

/** 4 or 16 bytes on the wire, canonical text in the program. */
export function ip(length: 4 | 16): Schema<string> {
  return {
    write: (value) => {
      const parsed = parseIp(value)
      return parsed.ok ? parsed.value : null
    },
    read: (value) => {
      if (!(value instanceof Uint8Array) || value.length !== length) return undefined
      const text = formatIp(value)
      // An IPv4-mapped IPv6 address is written as the IPv4 address that it means.
      return text.includes(':') === (length === 16) ? text : undefined
    },
  }
}

export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return {
    write: (value) => (value === null ? null : schema.write(value)),
    read: (value) => (value === null ? null : schema.read(value)),
  }
}

export function listOf<T>(schema: Schema<T>, max: number): Schema<readonly T[]> {
  return {
    write: (values) => values.map((value) => schema.write(value)),
    read: (values) => {
      if (!Array.isArray(values) || values.length > max) return undefined
      const read = (values as CborValue[]).map((value) => schema.read(value))
      return read.includes(undefined) ? undefined : (read as T[])
    },
  }
}

/** Strings whose order means nothing: written sorted and once each, refused if they are not. */
export function setOf<T extends string>(schema: Schema<T>, max: number): Schema<readonly T[]> {
  const list = listOf(schema, max)
  return {
    write: (values) => list.write([...new Set(values)].sort()),
    read: (values) => {
      const read = list.read(values)
      return read?.every((value, i) => i === 0 || read[i - 1]! < value) === true ? read : undefined
    },
  }
}

/** A list with one item of each of these kinds, in this order. */
export function tuple<T extends readonly unknown[]>(
  ...items: { readonly [K in keyof T]: Schema<T[K]> }
): Schema<T> {
  const schemas = items as readonly Schema<unknown>[]
  return {
    write: (values) => schemas.map((schema, i) => schema.write(values[i])),
    read: (values) => {
      if (!Array.isArray(values) || values.length !== schemas.length) return undefined
      const read = schemas.map((schema, i) => schema.read((values as CborValue[])[i]!))
      return read.includes(undefined) ? undefined : (read as unknown as T)
    },
  }
}

/** The same document as another type in the program. */
export function mapped<T, U>(
  schema: Schema<T>,
  to: (value: T) => U,
  from: (value: U) => T,
): Schema<U> {
  return {
    write: (value) => schema.write(from(value)),
    read: (value) => {
      const read = schema.read(value)
      return read === undefined ? undefined : to(read)
    },
  }
}

/**
 * A map with these keys. Closed: an unknown key is refused. Open: unknown keys are passed over, for
 * documents to which a later version may add facts that an earlier one can do without.
 */
export function struct<T extends object>(
  fields: { readonly [K in keyof T]: Schema<T[K]> },
  { open = false }: { readonly open?: boolean } = {},
): Schema<T> {
  const entries = Object.entries(fields) as [string & keyof T, Schema<unknown>][]
  return {
    write: (value) =>
      Object.fromEntries(entries.map(([key, field]) => [key, field.write(value[key])])),
    read: (value) => {
      if (typeof value !== 'object' || value === null) return undefined
      if (Array.isArray(value) || value instanceof Uint8Array) return undefined
      const map = value as { readonly [key: string]: CborValue }
      if (!open && Object.keys(map).length !== entries.length) return undefined
      const read: Partial<Record<keyof T, unknown>> = {}
      for (const [key, field] of entries) {
        const item = Object.hasOwn(map, key) ? field.read(map[key]!) : undefined
        if (item === undefined) return undefined
        read[key] = item
      }
      return read as T
    },
  }
}
