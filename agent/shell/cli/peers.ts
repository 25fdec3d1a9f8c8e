// SPDX-License-Identifier: Apache-2.0
import type { PathStatus, PeerStatus, Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { Failure } from '../failure.ts'
import { type CommandContext, print } from './context.ts'
import { sharedParts } from './shared-fate.ts'
import { describePath, roundTripText } from './status.ts'
import { table } from './table.ts'

/** `meshgate peers`: who is there. */
export async function peers(context: CommandContext): Promise<number> {
  const answer = await new ApiClient(context.runDir).get<Status>('/v1/status')
  print(context, answer.peers, peersText(answer.peers))
  return 0
}

/** `meshgate paths [PEER]`: every way to each peer, the one that carries traffic first. */
export async function paths(context: CommandContext, _: object, name: string): Promise<number> {
  const answer = await new ApiClient(context.runDir).get<Status>('/v1/status')
  const isMeant = (one: PeerStatus) =>
    name === '' || [one.name, one.nodeId, ...one.addresses].includes(name)
  const wanted = answer.peers.filter(isMeant)
  if (name !== '' && wanted.length === 0)
    throw new Failure('no-such-peer', `no other member is called ${name}`, {
      remedy: '`meshgate peers` lists them',
    })
  const document = wanted.map(({ name: peer, path, backups }) => ({
    peer,
    path,
    backups: backups.map((backup) => ({ ...backup, shares: sharedParts(path, backup) })),
  }))
  print(context, document, pathsText(wanted))
  return 0
}

export function peersText(all: readonly PeerStatus[]): string {
  if (all.length === 0) return 'no peers yet: let a host join with `meshgate token create`'
  const rows = all.map((one) => [
    one.name,
    one.liveness,
    one.addresses.join(' '),
    one.hub ? 'hub' : '',
    one.tags.join(' '),
  ])
  return table(['peer', 'is', 'addresses', '', 'tags'], rows, [18, 9, 43, 5, 24])
}

export function pathsText(all: readonly PeerStatus[]): string {
  if (all.length === 0) return 'no peers yet: let a host join with `meshgate token create`'
  const row = (peer: string, use: string, path: PathStatus, shares = '') => [
    peer,
    use,
    describePath(path),
    roundTripText(path.rttMs),
    path.lossPct === null ? '-' : `${path.lossPct}%`,
    shares,
  ]
  const rows = all.flatMap(({ name, path, backups }) => [
    row(name, 'active', path),
    ...backups.map((backup) =>
      row('', 'backup', backup, sharedParts(path, backup).join(', ') || 'nothing'),
    ),
  ])
  const header = ['peer', 'use', 'path', 'round trip', 'loss', 'shares']
  return table(header, rows, [15, 8, 40, 12, 7, 16])
}
