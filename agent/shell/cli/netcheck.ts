// SPDX-License-Identifier: Apache-2.0
import type { DoorReport, FamilyReport, FullNetcheck } from '../../core/netcheck.ts'
import type { TurnServerStatus } from '../../core/status.ts'
import { ApiClient } from '../api/api-client.ts'
import { type CommandContext, print } from './context.ts'
import { roundTripText } from './status.ts'
import { table } from './table.ts'

interface NetcheckOptions {
  readonly refresh?: boolean
}

/** `meshgate netcheck` */
export async function netcheck(context: CommandContext, options: NetcheckOptions): Promise<number> {
  const query = options.refresh === true ? '?refresh=1' : ''
  const answer = await new ApiClient(context.runDir).get<FullNetcheck>(`/v1/netcheck${query}`)
  print(context, answer, netcheckText(answer))
  return 0
}

export function netcheckText(check: FullNetcheck): string {
  return [
    `mapping:       ${check.nat.mapping}`,
    `  known by     ${check.evidence}`,
    `filtering:     ${check.nat.filtering}`,
    ...(check.filteringEvidence === null ? [] : [`  known by     ${check.filteringEvidence}`]),
    `hairpin:       ${yesNo(check.hairpin, 'the NAT turns packets to its outside back', 'the NAT turns nothing back')}`,
    `IPv4:          ${familyText(check.ipv4)}`,
    `IPv6:          ${familyText(check.ipv6)}`,
    `UDP:           ${yesNo(check.udp.reached, `${check.udp.answered.length} STUN servers answer`, 'no STUN server answers')}`,
    `TCP 443:       ${yesNo(check.tcp443, 'gets out', 'nobody is reached')}`,
    `dialable:      ${dialableText(check)}`,
    `port mapping:  ${portMappingText(check)}`,
    `links:         ${check.links.map((link) => `${link.interface} carries ${link.mtu} B`).join(', ') || 'none'}`,
    `STUN servers:  ${listing(['server', 'round trip', 'seen as'], stunRows(check))}`,
    `TURN servers:  ${turnText(check.turnServers)}`,
    `hubs:          ${listing(['hub', 'round trip'], hubRows(check))}`,
    `TCP:           ${listing(['asked', 'at', 'outcome'], tcpRows(check))}`,
    `path MTU:      ${listing(['peer', 'path', 'carries'], pathRows(check))}`,
  ].join('\n')
}

function yesNo(value: boolean | null, yes: string, no: string): string {
  if (value === null) return 'not known'
  return value ? `yes: ${yes}` : `no: ${no}`
}

function familyText({ local, mapped, reached }: FamilyReport): string {
  const seen = mapped.length === 0 ? '' : `; seen as ${mapped.join(', ')}`
  const silence = reached === false ? '; no server answers over it' : ''
  return `${local.join(', ') || 'no address'}${seen}${silence}`
}

function dialableText({ dialable, doors }: FullNetcheck): string {
  const why = doors.map(doorText).join('; ') || 'this host has no address that others could try'
  return `${dialable ? 'yes' : 'no'}: ${why}`
}

function doorText({ address, udp, tcp, known, by }: DoorReport): string {
  switch (known) {
    case 'configured':
      return `the configuration says so of ${address}`
    case 'assumed':
      return `${address} is taken to be open until somebody has tried`
    case 'untried':
      return `nobody has tried ${address} yet`
    case 'tried': {
      const who = by.join(' and ')
      if (udp && tcp) return `${who} reached ${address}`
      if (!udp && !tcp) return `${who} did not reach ${address}`
      const [open, shut] = udp ? ['UDP', 'TCP'] : ['TCP', 'UDP']
      return `${who} reached ${address} over ${open}, not over ${shut}`
    }
  }
}

function listing(head: string[], rows: string[][]): string {
  return rows.length === 0 ? 'none' : `\n${table(head, rows)}`
}

const stunRows = ({ stunServers }: FullNetcheck) =>
  stunServers.map(({ server, answered, rttMs, mapped }) => [
    server,
    answered ? roundTripText(rttMs) : 'no answer',
    mapped ?? '',
  ])

const hubRows = ({ hubs }: FullNetcheck) =>
  hubs.map(({ name, rttMs }) => [name, rttMs === null ? 'not reached' : roundTripText(rttMs)])

const tcpRows = ({ tcp }: FullNetcheck) =>
  tcp.map(({ name, address, outcome, rttMs }) => [
    name,
    address,
    outcome === 'connected' ? roundTripText(rttMs) : outcome,
  ])

const pathRows = ({ paths }: FullNetcheck) =>
  paths.map(({ peer, path, active, mtu, settled }) => [
    peer,
    `${path.kind} ${path.via ?? path.endpoint ?? ''}${active ? ', in use' : ''}`,
    `${mtu} B${settled ? '' : ' or more'}`,
  ])

function turnText(servers: readonly TurnServerStatus[]): string {
  if (servers.length === 0) return 'none in the configuration'
  const rows = servers.map(({ id, url, state, cause, detail, relayed, rttMs }) => [
    id,
    url,
    state === 'up' ? roundTripText(rttMs) : state,
    relayed ?? detail ?? cause ?? '',
  ])
  return `\n${table(['server', 'at', 'round trip', 'gives'], rows)}`
}

function portMappingText({ portMapping, whyNoPortMapping }: FullNetcheck): string {
  if (portMapping === null) return `none: ${whyNoPortMapping ?? 'not asked for'}`
  const { gateway, pcp, natPmp, upnp } = portMapping
  return `gateway ${gateway}: PCP ${pcp}, NAT-PMP ${natPmp}, UPnP ${upnp}`
}
