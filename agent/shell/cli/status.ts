// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import { answeringOf } from '../../core/authority-quorum.ts'
import type { PathStatus, PeerStatus, QuorumStatus, SelfStatus, Status } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { readClock } from '../clock.ts'
import { type CommandContext, print } from './context.ts'
import { table } from './table.ts'
import { watch } from './watch.ts'

interface StatusOptions {
  readonly watch?: boolean
}

/** `meshgate status` */
export async function status(context: CommandContext, options: StatusOptions): Promise<number> {
  const client = new ApiClient(context.runDir)
  const ask = () => client.get<Status>('/v1/status')
  if (options.watch === true && !context.json) {
    await watch(async () => statusText(await ask()))
    return 0
  }
  const answer = await ask()
  print(context, answer, statusText(answer))
  return 0
}

/** What fits on 100 columns. */
export function statusText({ self, peers }: Status): string {
  const head = selfText(self)
  if (peers.length === 0)
    return `${head}\n\nno peers yet: let a host join with \`meshgate token create\``
  const titles = ['peer', 'address', 'path', 'rtt', 'loss', 'in/out', 'since']
  return `${head}\n\n${table(titles, peers.map(rowOf), [15, 16, 33, 8, 6, 11, 8])}${reasonsText(peers)}`
}

function selfText(self: SelfStatus): string {
  const mapped = self.nat.mapped.length === 0 ? '' : `, seen as ${self.nat.mapped.join(', ')}`
  const lines = [
    `${self.name} in network ${self.network}: ${self.addresses.join(', ')}`,
    `NAT: mapping ${self.nat.mapping}, filtering ${self.nat.filtering}${mapped}`,
  ]
  const { portMapping } = self.nat
  if (portMapping !== null) {
    const { external, externalTcp, protocol, expiresInS } = portMapping
    const both = externalTcp === null ? 'UDP only' : `TCP at ${externalTcp}`
    lines.push(`port mapped by ${protocol}: ${external}, ${both}, for ${expiresInS} s`)
  }
  for (const { id, state, cause, detail } of self.turnServers)
    if (state === 'failed') lines.push(warning(`TURN server ${id}: ${detail ?? cause ?? state}`))
  if (self.names?.problem)
    lines.push(warning(`names of *.${self.names.zone} do not resolve: ${self.names.problem}`))
  const { helper } = self
  if (self.twinSince !== null)
    lines.push(
      warning(
        `another host runs with this one's keys since ${self.twinSince}: revoke ${self.name}, and join with new keys`,
      ),
    )
  if (self.clock !== null) lines.push(warning(`${self.clock.sentence}: set it`))
  if (self.authorityQuorum !== null) lines.push(quorumText(self.authorityQuorum))
  if (self.partition !== null) lines.push(warning(self.partition.sentence))
  if (self.membership === 'revoked')
    lines.push(warning('revoked: this host is no member any more, and nobody talks to it'))
  if (self.membership === 'expired')
    lines.push(
      warning('the certificate has run out: nobody talks to this host until it is renewed'),
    )
  if (!helper.connected)
    lines.push(warning(`no helper: ${helper.problem ?? 'not connected'}; no packet goes through`))
  else if (helper.problem !== null) lines.push(warning(`helper: ${helper.problem}`))
  if (self.neighbours.length === 0) lines.push('no gossip link to any member')
  return lines.join('\n')
}

function quorumText({ members, quorum, leader, ledgerLost }: QuorumStatus): string {
  const etcd = `${answeringOf(members)} of ${members.length} members of etcd answer`
  if (ledgerLost)
    return warning(
      'authority: etcd holds no ledger any more; nobody is admitted until `meshgate authority restore`',
    )
  return quorum
    ? `authority: ${leader ?? 'nobody yet'} decides, ${etcd}`
    : warning(`authority quorum lost: ${etcd}; nobody is admitted and no certificate renewed`)
}

function rowOf(peer: PeerStatus): string[] {
  return [
    peer.name,
    peer.addresses[0] ?? '',
    pathText(peer),
    roundTripText(peer.sessionRttMs ?? peer.path.rttMs),
    peer.path.lossPct === null ? '-' : `${peer.path.lossPct}%`,
    `${byteText(peer.rxBytes)}/${byteText(peer.txBytes)}`,
    sinceText(peer.lastSwitch?.time, readClock().wall),
  ]
}

/** How long ago: `45s`, `12m`, `3h`, `8d`. */
export function sinceText(time: string | undefined, nowMs: number): string {
  if (time === undefined) return '-'
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(time)) / 1_000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`
}

/** A direct path needs no reason; the others' are sentences, too long for a column. */
function reasonsText(peers: readonly PeerStatus[]): string {
  const reasons = peers
    .filter(({ path }) => path.kind !== 'direct')
    .map((p) => `${p.name}: ${p.why}`)
  return reasons.length === 0 ? '' : `\n\n${reasons.join('\n')}`
}

function pathText({ path, liveness }: PeerStatus): string {
  if (liveness === 'left' || liveness === 'failed')
    return styleText('dim', liveness, { stream: process.stdout })
  return describePath(path)
}

/** `direct 198.51.100.7:41820`, `relay over hub-1`, `relay over hub-1 (TURN frankfurt)`, `none`. */
export function describePath({ kind, via, hubServer, endpoint }: PathStatus): string {
  const server = hubServer === null ? '' : ` (TURN ${hubServer})`
  const over = via === null ? (endpoint ?? '') : `over ${via}${server}`
  return `${kind} ${over}`.trim()
}

export function roundTripText(rttMs: number | null): string {
  return rttMs === null ? '-' : `${rttMs < 10 ? rttMs.toFixed(1) : rttMs.toFixed(0)} ms`
}

function byteText(bytes: number): string {
  const units = ['B', 'k', 'M', 'G', 'T']
  let value = bytes
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : value.toFixed(0)}${units[unit]}`
}

function warning(text: string): string {
  return styleText('yellow', text, { stream: process.stdout })
}
