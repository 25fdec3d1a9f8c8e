// SPDX-License-Identifier: Apache-2.0
/**
 * A peer's paths of all kinds. Direct ones are the path agent's, which proves them before they are armed; the others are
 * armed as soon as they are known, and proven by the helper. This is the one place where an id of the helper's meets a path.
 */
import type { Instant } from '../../nat/clock.ts'
import { type DirectWay, wayKey } from '../../nat/direct-way.ts'
import { type PathAgent, report } from '../../nat/path-agent.ts'
import { armedPaths, isRelayed, type ProvenPath } from '../../nat/proven-paths.ts'
import {
  comparePlannedPaths,
  directPath,
  type DirectPath,
  type IndirectPath,
  type PlannedPath,
  turnPath,
  type TurnPath,
} from '../../topology/planned-path.ts'

/** What the helper measured on a path. */
export interface PathFigures {
  readonly up: boolean
  readonly rttMs: number | undefined
  readonly lossPermille: number
}

export interface IndirectPaths {
  readonly ofKind: Map<IndirectPath['kind'], readonly IndirectPath[]>
  /** All of them, most wanted first, and their ids: asked for in every step, and new only when a path is. */
  all: readonly IndirectPath[]
  text: string
  /** What the helper says of them, by id. */
  readonly figures: Map<string, PathFigures>
  /** Since when each of them is looked for: it was planned then, or went down. */
  readonly soughtAt: Map<string, Instant>
}

/** The part of a peer that its paths are. */
export interface PathsOfPeer {
  readonly paths: PathAgent
  readonly indirect: IndirectPaths
}

export function createIndirectPaths(): IndirectPaths {
  return { ofKind: new Map(), all: [], text: '', figures: new Map(), soughtAt: new Map() }
}

/** Replaces the paths of one kind, best first. What was measured of those that stay is kept. */
export function setIndirect<K extends IndirectPath['kind']>(
  indirect: IndirectPaths,
  kind: K,
  paths: readonly Extract<IndirectPath, { kind: K }>[],
  now: Instant,
): void {
  indirect.ofKind.set(kind, paths)
  indirect.all = [...indirect.ofKind.values()].flat().sort(comparePlannedPaths)
  const ids = new Set(indirect.all.map(({ id }) => id))
  indirect.text = [...ids].join(' ')
  for (const known of [indirect.figures, indirect.soughtAt])
    for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
  for (const id of ids) if (!indirect.soughtAt.has(id)) indirect.soughtAt.set(id, now)
}

/** The paths that the helper should keep. */
export function wantedPaths({ paths, indirect }: PathsOfPeer): PlannedPath[] {
  return [...armedPaths(paths).map(directPath), ...indirect.all]
}

/** Undefined for a path that was given up meanwhile: of it nothing would ever be heard again. */
export function pathById({ paths, indirect }: PathsOfPeer, id: string): PlannedPath | undefined {
  const known = indirect.all.find((path) => path.id === id)
  if (known !== undefined) return known
  for (const proven of paths.proven.values()) {
    const path = pathTo(paths, proven)
    if (path.id === id) return path
  }
  return undefined
}

/** What a path to an endpoint that this host's own socket reaches is to us. */
export function pathTo(paths: PathAgent, way: DirectWay): DirectPath | TurnPath {
  return isRelayed(paths, way.endpoint) ? turnPath(null, way.endpoint) : directPath(way)
}

/** Where the path agent knows the path, if it does: it proved that this host's own socket reaches the peer there. */
function wayOf(path: PlannedPath): DirectWay | undefined {
  switch (path.kind) {
    case 'direct':
      return path
    case 'turn':
      return path.server === null ? { endpoint: path.endpoint } : undefined
    case 'relay':
    case 'channel':
      return undefined
  }
}

export function provenPath({ paths }: PathsOfPeer, path: PlannedPath): ProvenPath | undefined {
  const way = wayOf(path)
  return way === undefined ? undefined : paths.proven.get(wayKey(way))
}

export function figuresOf(peer: PathsOfPeer, path: PlannedPath): PathFigures | undefined {
  return provenPath(peer, path) ?? peer.indirect.figures.get(path.id)
}

/** Takes what the helper measured on a path. */
export function takeFigures(
  { paths, indirect }: PathsOfPeer,
  path: PlannedPath,
  figures: PathFigures,
  now: Instant,
): void {
  const way = wayOf(path)
  if (way !== undefined) report(paths, [{ ...way, ...figures }], now)
  else indirect.figures.set(path.id, figures)
}

/** Since when such a path is looked for; undefined if nothing was known of the peer. */
export function soughtSince({ paths, indirect }: PathsOfPeer, id: string): Instant | undefined {
  return indirect.soughtAt.get(id) ?? paths.startedAt
}

/** A path has gone, and is looked for from now on. */
export function seekAgain({ indirect }: PathsOfPeer, id: string, now: Instant): void {
  if (indirect.soughtAt.has(id)) indirect.soughtAt.set(id, now)
}

/** Whether any path of any kind answers. */
export function isReached({ paths, indirect }: PathsOfPeer): boolean {
  for (const { up } of paths.proven.values()) if (up) return true
  for (const { up } of indirect.figures.values()) if (up) return true
  return false
}
