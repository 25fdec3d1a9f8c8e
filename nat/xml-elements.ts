// SPDX-License-Identifier: Apache-2.0
/**
 * The little XML that routers speak, read from a hostile hand: elements and their text, in one pass, with bounds. There
 * are no document types, entities or CDATA sections in it; a document that has them is refused.
 */
import { err, ok, type Result } from './result.ts'

/** An element that holds text and no elements. Names are without namespace prefixes. */
export interface XmlLeaf {
  readonly name: string
  readonly text: string
  /** Equal for leaves of the same element. */
  readonly parent: number
}

interface Open {
  readonly qualified: string
  readonly id: number
  text: string
  hasElements: boolean
}

const LENGTH_MAX = 65_536
const DEPTH_MAX = 16
const ELEMENTS_MAX = 2_000
const NAME = /^(?:[A-Za-z_][\w.-]{0,63}:)?[A-Za-z_][\w.-]{0,63}$/
const PREDEFINED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

/** All leaves in the order in which they end. Never throws. */
export function xmlLeaves(document: string): Result<XmlLeaf[], 'malformed'> {
  if (document.length > LENGTH_MAX) return err('malformed')
  const leaves: XmlLeaf[] = []
  const open: Open[] = []
  let elements = 0
  let at = document.indexOf('<')
  while (at !== -1) {
    const end = tagEnd(document, at)
    if (end === undefined) return err('malformed')
    const tag = document.slice(at + 1, end - 1)
    const next = document.indexOf('<', end)
    const top = open.at(-1)
    if (tag.startsWith('/')) {
      if (top === undefined || top.qualified !== tag.slice(1).trim()) return err('malformed')
      open.pop()
      if (!top.hasElements) leaves.push(leafOf(top, open.at(-1)))
    } else if (!tag.startsWith('?') && !tag.startsWith('!')) {
      const isEmpty = tag.endsWith('/')
      const qualified = (isEmpty ? tag.slice(0, -1) : tag).trimEnd().split(/\s/, 1)[0]!
      if (!NAME.test(qualified) || ++elements > ELEMENTS_MAX) return err('malformed')
      if (top !== undefined) top.hasElements = true
      const element = { qualified, id: elements, text: '', hasElements: false }
      if (isEmpty) leaves.push(leafOf(element, top))
      else open.push(element)
      if (open.length > DEPTH_MAX) return err('malformed')
    }
    const inside = open.at(-1)
    if (inside !== undefined && next !== -1) inside.text += document.slice(end, next)
    at = next
  }
  return open.length === 0 && elements > 0 ? ok(leaves) : err('malformed')
}

/** The index behind the tag that begins at `at`; undefined if it does not end, or is of a kind that is refused. */
function tagEnd(document: string, at: number): number | undefined {
  if (document.startsWith('<!--', at)) return behind(document, '-->', at + 4)
  if (document.startsWith('<?', at)) return behind(document, '?>', at + 2)
  if (document.startsWith('<!', at)) return undefined
  let quote = ''
  for (let i = at + 1; i < document.length; i++) {
    const letter = document[i]!
    if (quote !== '') quote = letter === quote ? '' : quote
    else if (letter === '"' || letter === "'") quote = letter
    else if (letter === '<') return undefined
    else if (letter === '>') return i + 1
  }
  return undefined
}

function behind(document: string, mark: string, from: number): number | undefined {
  const found = document.indexOf(mark, from)
  return found === -1 ? undefined : found + mark.length
}

function leafOf({ qualified, text }: Open, parent: Open | undefined): XmlLeaf {
  const name = qualified.slice(qualified.indexOf(':') + 1)
  const decoded = text.replace(/&(\w{2,4});/g, (whole, entity: string) => {
    return Object.hasOwn(PREDEFINED, entity) ? PREDEFINED[entity]! : whole
  })
  return { name, text: decoded.trim(), parent: parent?.id ?? 0 }
}
