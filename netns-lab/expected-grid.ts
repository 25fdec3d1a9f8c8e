// SPDX-License-Identifier: Apache-2.0
import { type NatKind, type NatKindName, natKinds } from './nat-kinds.ts'

/**
 * Which path two hosts should end up with, by the NATs that they are behind: theory, to hold the product and the
 * simulation against. Pure. Sources: RFC 4787 for the words, RFC 5128 section 3.3 for hole punching, RFC 8445
 * section 7.3 for learning a peer's address from its packet.
 */

export type GridPath = 'direct' | 'relay' | 'none'

/** What a product can do beyond sending checks to the addresses that each side was seen at. */
export const capabilities = ['prediction', 'birthday', 'relay', 'relay-over-tcp'] as const
export type Capability = (typeof capabilities)[number]

export interface Expectation {
  /** The best path; where chance decides, one for each way it may fall, best first. */
  readonly paths: readonly GridPath[]
  readonly why: string
}

interface Punching {
  readonly succeeds: 'yes' | 'no' | 'by chance'
  readonly why: string
}

/** One host at each site, no port mapping, no IPv6, each site with a public address of its own. */
export function expectedPath(
  a: NatKindName,
  b: NatKindName,
  has: ReadonlySet<Capability>,
): Expectation {
  const { succeeds, why } = punching(a, b, has)
  if (succeeds === 'yes') return { paths: ['direct'], why }
  const without = fallback(natKinds[a], natKinds[b], has)
  return { paths: succeeds === 'no' ? without : ['direct', ...without], why }
}

function fallback(a: NatKind, b: NatKind, has: ReadonlySet<Capability>): readonly GridPath[] {
  const blocked = [a, b].filter(({ filtering }) => filtering === 'blocked')
  if (!has.has(blocked.length === 0 ? 'relay' : 'relay-over-tcp')) return ['none']
  // The one's TURN server lets in addresses that were named to it (RFC 8656 section 9); of the other's four, two were seen.
  // A hub has one address, and both reach it.
  const isDrawn = blocked.length === 1 && (drawsAddresses(a) || drawsAddresses(b))
  return isDrawn && !has.has('relay') ? ['relay', 'none'] : ['relay']
}

function punching(nameA: NatKindName, nameB: NatKindName, has: ReadonlySet<Capability>): Punching {
  const [a, b]: [NatKind, NatKind] = [natKinds[nameA], natKinds[nameB]]
  if (a.filtering === 'blocked' || b.filtering === 'blocked') {
    return { succeeds: 'no', why: 'no UDP goes out' }
  }
  if (isOpen(a) || isOpen(b)) {
    return {
      succeeds: 'yes',
      why: 'one side lets anybody in, and learns the other from its packet',
    }
  }
  const restricted = [a, b].some(({ filtering }) => filtering === 'address-dependent')
  if (restricted && (drawsAddresses(a) || drawsAddresses(b))) {
    return {
      succeeds: 'by chance',
      why: 'one side lets in addresses that it has sent to, the other draws one of four for each destination',
    }
  }
  if (restricted) {
    return { succeeds: 'yes', why: 'one side lets in every port of an address that it has sent to' }
  }
  const hard = [a, b].filter((kind) => !isStable(kind))
  if (hard.length === 0) {
    return { succeeds: 'yes', why: 'both send from the addresses that the other lets in' }
  }
  return hard.length === 1 ? searching(hard, has) : bothHard(hard, has)
}

/** One side lets in nothing but an address and port that it has sent to; the other comes from one that nobody knows. */
function searching(hard: readonly NatKind[], has: ReadonlySet<Capability>): Punching {
  if (has.has('prediction') && hard.every(({ ports }) => ports === 'sequential')) {
    return { succeeds: 'yes', why: 'the port that the other side gets is one of the next ones' }
  }
  if (!has.has('birthday')) {
    return { succeeds: 'no', why: 'one side comes from a port that the other cannot know' }
  }
  return hard.some(drawsAddresses)
    ? {
        succeeds: 'by chance',
        why: 'a search meets only at the address that the pool gives for this destination, if that was seen',
      }
    : {
        succeeds: 'yes',
        why: 'a search over many ports of both sides meets: 98 % at once, the rest in the next searches',
      }
}

function bothHard(hard: readonly NatKind[], has: ReadonlySet<Capability>): Punching {
  return has.has('prediction') && hard.every(({ ports }) => ports === 'sequential')
    ? {
        succeeds: 'by chance',
        why: 'the two sequences cross unless somebody else takes a port in between',
      }
    : { succeeds: 'no', why: 'both come from ports that the other cannot know' }
}

function isOpen({ filtering }: NatKind): boolean {
  return filtering === 'endpoint-independent' || filtering === 'none'
}

/** What a STUN server sees is what every peer sees. */
function isStable({ mapping }: NatKind): boolean {
  return mapping === 'endpoint-independent' || mapping === 'none'
}

function drawsAddresses({ engine }: NatKind): boolean {
  return engine.type === 'rule' && engine.rule === 'address-pool'
}
