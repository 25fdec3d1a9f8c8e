// SPDX-License-Identifier: Apache-2.0
import type { Netcheck, TurnServerStatus } from '../../core/status.ts'
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
  const answer = await new ApiClient(context.runDir).get<Netcheck>(`/v1/netcheck${query}`)
  print(context, answer, netcheckText(answer))
  return 0
}

export function netcheckText(check: Netcheck): string {
  const family = ({ local, mapped }: Netcheck['ipv4']) =>
    `${local.join(', ') || 'no address'}${mapped.length === 0 ? '' : `; seen as ${mapped.join(', ')}`}`
  const rows = check.stunServers.map(({ server, answered, rttMs, mapped }) => [
    server,
    answered ? roundTripText(rttMs) : 'no answer',
    mapped ?? '',
  ])
  const servers =
    rows.length === 0 ? 'none' : `\n${table(['server', 'round trip', 'seen as'], rows)}`
  return [
    `mapping:       ${check.nat.mapping}`,
    `filtering:     ${check.nat.filtering}`,
    `evidence:      ${check.evidence}`,
    `IPv4:          ${family(check.ipv4)}`,
    `IPv6:          ${family(check.ipv6)}`,
    `dialable:      ${check.dialable ? 'yes: others reach this host' : 'no'}`,
    `port mapping:  ${portMappingText(check)}`,
    `STUN servers:  ${servers}`,
    `TURN servers:  ${turnText(check.turnServers)}`,
  ].join('\n')
}

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

function portMappingText({ portMapping, whyNoPortMapping }: Netcheck): string {
  if (portMapping === null) return `none: ${whyNoPortMapping ?? 'not asked for'}`
  const { gateway, pcp, natPmp, upnp } = portMapping
  return `gateway ${gateway}: PCP ${pcp}, NAT-PMP ${natPmp}, UPnP ${upnp}`
}
