// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import type { z } from 'zod'
import { type Description, type DescriptionInput, descriptionSchema } from './description.ts'
import { type Fault, faultLine } from './description-fault.ts'
import { relationFaults } from './description-faults.ts'

/** Everything that is wrong with a description, so that one run is enough to mend it. */
export class DescriptionError extends Error {
  override readonly name = 'DescriptionError'
  readonly faults: readonly Fault[]

  constructor(source: string, faults: readonly Fault[]) {
    super([`${source} has ${faults.length} fault(s):`, ...faults.map(faultLine)].join('\n'))
    this.faults = faults
  }
}

/** Reads a TOML description. The lab's name is the file's unless it says otherwise. */
export async function readDescription(file: string): Promise<Description> {
  const source = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `cannot read ${file}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`,
    )
  })
  const description = parseDescription(parseToml(source, file), file)
  return { ...description, name: description.name ?? labNameOf(file) }
}

/** Checks a description given as an object. Throws a DescriptionError that names every fault. */
export function parseDescription(
  input: DescriptionInput | object,
  source = 'description',
): Description {
  const parsed = descriptionSchema.safeParse(input)
  const faults = parsed.success
    ? relationFaults(parsed.data)
    : [
        ...parsed.error.issues.flatMap((issue) => faultsOf(issue, input)),
        ...salvagedFaults(input, parsed.error),
      ]
  if (faults.length > 0 || !parsed.success) throw new DescriptionError(source, faults)
  return parsed.data
}

function parseToml(source: string, file: string): object {
  try {
    return parse(source)
  } catch (error) {
    if (error instanceof TomlError) {
      throw new Error(`${file} is not TOML: ${error.message}`, { cause: error })
    }
    throw error
  }
}

function labNameOf(file: string): string {
  const name = basename(file, '.toml')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
  return /^[a-z]/.test(name) ? name.slice(0, 31) : 'lab'
}

function faultsOf(issue: z.core.$ZodIssue, input: unknown): Fault[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, key].join('.'),
      value: valueAt(input, [...path, key]),
      remedy: 'there is no such field; remove it or mend its spelling',
    }))
  }
  const remedy =
    issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  return [{ field: path.join('.') || 'the file', value: valueAt(input, path), remedy }]
}

/**
 * Faults between the parts of a description that has faulty fields as well: without those fields it may be sound enough
 * to look at.
 */
function salvagedFaults(input: object, { issues }: z.ZodError): Fault[] {
  const rest = structuredClone(input) as Record<string, unknown>
  for (const issue of issues) {
    const parent = valueAt(rest, issue.path.slice(0, -1).map(String))
    if (typeof parent !== 'object' || parent === null) continue
    const last = String(issue.path.at(-1))
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys)
        Reflect.deleteProperty(valueAt(rest, issue.path.map(String)) ?? {}, key)
    } else if (issue.path[0] === 'nats' && last === 'kind') {
      // A NAT without a kind would be none, and everything behind it at fault.
      Reflect.set(parent, last, 'port-restricted')
    } else {
      Reflect.deleteProperty(parent, last)
    }
  }
  const parsed = descriptionSchema.safeParse(rest)
  return parsed.success ? relationFaults(parsed.data) : []
}

function valueAt(input: unknown, path: readonly string[]): object | undefined {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    input,
  ) as object | undefined
}
