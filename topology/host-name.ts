// SPDX-License-Identifier: Apache-2.0
/**
 * A host's name in the mesh is one DNS label (RFC 1123 section 2.1), lower case, so that it can be
 * served by a resolver as it is. Tags follow the same rule.
 */

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const PATTERN = /^[a-z0-9*-]{1,63}$/

export function isHostName(text: string): boolean {
  return LABEL.test(text)
}

/** A label in which each `*` stands for any run of characters, also none: `web-*`. */
export function isNamePattern(text: string): boolean {
  return PATTERN.test(text)
}

/** Linear in the name: no backtracking, because patterns come from tokens. */
export function matchesNamePattern(pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0]!
  const last = parts.at(-1)!
  if (parts.length === 1) return pattern === name
  if (name.length < first.length + last.length) return false
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  const middle = name.slice(first.length, name.length - last.length)
  let from = 0
  for (const part of parts.slice(1, -1)) {
    const at = middle.indexOf(part, from)
    if (at < 0) return false
    from = at + part.length
  }
  return true
}
