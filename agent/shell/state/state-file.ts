// SPDX-License-Identifier: Apache-2.0
/**
 * One JSON document a file, marked with what it is and in which version:
 *
 * ```
 * { "format": "meshgate <name>", "version": 1, "content": { ... } }
 * ```
 * Only this host reads it back; what is signed in it is kept as base64 of the signed bytes.
 */
import { z } from 'zod'
import { readBounded, writeAtomic } from './atomic-file.ts'
import { StateFault } from './state-fault.ts'

const VERSION = 1
const FILE_BYTES_MAX = 65_536
const OWNER_ONLY = 0o600
const OTHERS = 0o077

export interface StateFile<T> {
  readonly path: string
  /** Names the content inside the file. */
  readonly name: string
  readonly content: z.ZodType<T>
  /** What an operator can do if the file is lost. */
  readonly ifLost: string
}

const markedSchema = z.object({ format: z.string(), version: z.number(), content: z.unknown() })

/** Bytes of a length, as base64 text. */
export function base64Bytes(min: number, max: number = min): z.ZodType<Uint8Array> {
  return z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .refine((bytes) => bytes.length >= min && bytes.length <= max, 'has the wrong length')
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** Readable by the owner only: half of these files hold secrets, and none is anybody else's business. */
export function saveState(path: string, name: string, content: unknown): void {
  const text = JSON.stringify({ format: `meshgate ${name}`, version: VERSION, content }, null, 2)
  writeAtomic(path, new TextEncoder().encode(`${text}\n`), OWNER_ONLY)
}

/** Undefined if there is no such file. Throws StateFault 'too-open', 'damaged', 'newer-version' or 'io'. */
export function loadState<T>(file: StateFile<T>): T | undefined {
  const stored = readBounded(file.path, FILE_BYTES_MAX)
  if (stored === undefined) return undefined
  if ((stored.mode & OTHERS) !== 0) {
    throw new StateFault('too-open', {
      path: file.path,
      problem: `other users have access to it (mode ${stored.mode.toString(8).padStart(4, '0')})`,
      remedy: `chmod 600 ${file.path}; if others may have read it, leave the network and join again`,
    })
  }
  return contentOf(file, new TextDecoder().decode(stored.bytes))
}

function contentOf<T>(file: StateFile<T>, text: string): T {
  const damaged = (problem: string) =>
    new StateFault('damaged', { path: file.path, problem, remedy: file.ifLost })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged(text.length === 0 ? 'is empty' : 'is cut off or altered: it is not whole JSON')
  }
  const marked = markedSchema.safeParse(json)
  if (!marked.success || marked.data.format !== `meshgate ${file.name}`) {
    throw damaged(`is not a file of meshgate's with ${file.name} in it`)
  }
  if (marked.data.version > VERSION) {
    throw new StateFault('newer-version', {
      path: file.path,
      problem: `was written by a later meshgate (version ${marked.data.version}, we know ${VERSION})`,
      remedy: 'upgrade meshgate on this host',
    })
  }
  const content = file.content.safeParse(marked.data.content)
  if (content.success) return content.data
  const issue = content.error.issues[0]
  throw damaged(`is damaged at ${issue?.path.join('.') ?? 'the top'}: ${issue?.message ?? ''}`)
}
