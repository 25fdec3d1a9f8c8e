// SPDX-License-Identifier: Apache-2.0
import {
  hostChangeSchema,
  internetChangeSchema,
  linkChangeSchema,
  natChangeSchema,
} from './description.ts'
import type { Settings } from './lab-change.ts'
import { serviceChangeSchema } from './service-description.ts'

/** Short forms of the command line -> fields of a description. Full field names are understood too. */
const shortForms: Readonly<Record<string, string>> = {
  delay: 'delayMs',
  jitter: 'jitterMs',
  loss: 'lossPercent',
  dup: 'dupPercent',
  burstEnter: 'burstEnterPercent',
  burstLeave: 'burstLeavePercent',
  rate: 'rateKbit',
  limit: 'limitPackets',
  mappingLifetime: 'mappingLifetimeS',
}

const fields = new Set([
  ...Object.keys(linkChangeSchema.shape).filter((field) => field !== 'in' && field !== 'out'),
  ...Object.keys(natChangeSchema.shape),
  ...Object.keys(hostChangeSchema.shape),
  ...Object.keys(serviceChangeSchema.shape),
  ...Object.keys(internetChangeSchema.shape),
])
const textFields = new Set(['kind', 'address', 'hairpin', 'behind', 'udp', 'badPortMapping'])
/** Lists with commas; pairs have a slash. */
const listFields = new Set(['portMapping', 'cuts'])
const flagFields = new Set([
  'reorder',
  'down',
  'reboot',
  'firewall',
  'unplugged',
  'dropWireguard',
  'mtuBlackhole',
  'running',
])

/** Thrown for words that cannot be meant; `lab` then ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Parses words such as `delay=40`, `rate=20mbit`, `out.down=1`, `reboot`. Throws a UsageError naming every fault.
 */
export function parseSettings(words: readonly string[]): Settings {
  const settings: Record<string, unknown> = {}
  const faults: string[] = []
  for (const word of words) {
    const [path = '', text = '1'] = word.split(/=(.*)/s, 2)
    const [key = '', direction] = path.split('.').reverse()
    const field = shortForms[key] ?? key
    if (!fields.has(field)) {
      faults.push(
        `${word}: there is no setting ${key}; choose of ${[...Object.keys(shortForms), ...textFields, ...listFields, ...flagFields].join(', ')}`,
      )
      continue
    }
    if (direction !== undefined && direction !== 'in' && direction !== 'out') {
      faults.push(`${word}: a direction is "in" or "out"`)
      continue
    }
    const value = parseValue(field, text)
    if (value === undefined) {
      faults.push(`${word}: ${flagFields.has(field) ? 'say 1 or 0' : 'give a number'}`)
      continue
    }
    const scope =
      direction === undefined ? settings : ((settings[direction] ??= {}) as Record<string, unknown>)
    scope[field] = value
  }
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return settings
}

function parseValue(
  field: string,
  text: string,
): string | number | boolean | (string | string[])[] | undefined {
  if (listFields.has(field)) {
    const words = text.split(',').filter((word) => word !== '')
    return field === 'cuts' ? words.map((word) => word.split('/')) : words
  }
  if (textFields.has(field)) return text
  if (flagFields.has(field)) {
    if (['1', 'true', 'on', 'yes'].includes(text)) return true
    return ['0', 'false', 'off', 'no'].includes(text) ? false : undefined
  }
  const match = /^(\d+(?:\.\d+)?)(ms|s|%|kbit|mbit|gbit)?$/.exec(text)
  if (match === null) return undefined
  const value = Number(match[1]) * factor(field, match[2])
  return Number.isFinite(value) ? value : undefined
}

/** Units may be written out where they fit the field. */
function factor(field: string, unit: string | undefined): number {
  const units: Record<string, Record<string, number>> = {
    Ms: { ms: 1, s: 1000 },
    S: { s: 1 },
    Percent: { '%': 1 },
    Kbit: { kbit: 1, mbit: 1000, gbit: 1_000_000 },
  }
  if (unit === undefined) return 1
  const suffix = /(Ms|S|Percent|Kbit)$/.exec(field)?.[1]
  return suffix === undefined ? Number.NaN : (units[suffix]?.[unit] ?? Number.NaN)
}
