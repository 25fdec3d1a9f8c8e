// SPDX-License-Identifier: Apache-2.0
/** To which peers every packet is sent over two paths, so that one that dies costs none. */
import type { Certificate } from '../../topology/certificate.ts'

export type Redundancy = 'duplicate' | 'off'

/** By a peer's name, by `tag:` and a tag, or by `*` for everybody. */
export type RedundancyRules = Readonly<Record<string, Redundancy>>

/** A name goes before tags, and these before the rule for everybody. Of several tags one that wants it is enough. */
export function isDuplicated(
  rules: RedundancyRules,
  { name, tags }: Pick<Certificate, 'name' | 'tags'>,
): boolean {
  const ofTags = tags.flatMap((tag) => rules[`tag:${tag}`] ?? [])
  const tagged = ofTags.includes('duplicate') ? 'duplicate' : ofTags[0]
  return (rules[name] ?? tagged ?? rules['*']) === 'duplicate'
}
