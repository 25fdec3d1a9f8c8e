// SPDX-License-Identifier: Apache-2.0
/** What somebody could do about it, the easiest first. */
import type { Obstacle } from './obstacle.ts'
import type { HostFacts, PairFacts } from './pair-facts.ts'

/**
 * Over a detour that takes no longer than this nobody notices it: talk is fluent up to 150 ms each way (ITU-T G.114), keys
 * feel immediate up to 100 ms there and back. How long the straight way would take, nothing on a relayed path tells.
 */
const SLOW_RELAY_MS = 100

export function remediesOf(facts: PairFacts, obstacle: Obstacle | undefined): string[] {
  const { path } = facts
  const remedies = obstacle === undefined ? [] : againstObstacle(obstacle)
  if (
    (path.kind === 'relay' || path.kind === 'turn') &&
    path.rttMs !== undefined &&
    path.rttMs > SLOW_RELAY_MS
  ) {
    const roundTrip = `over it a round trip takes ${Math.round(path.rttMs)} ms`
    const what = path.kind === 'relay' ? path.via : `TURN server ${path.via}`
    remedies.push(`add a hub nearer than ${what}: ${roundTrip}`)
  }
  if (path.kind === 'none' && facts.hubs === 0 && obstacle?.kind !== 'udp-blocked') {
    const who = 'one with a public address or a forwarded port'
    remedies.push(`let a member that others can reach relay: ${who}`)
  }
  return path.kind === 'none' ? [...remedies, ...overTurn(facts, obstacle)] : remedies
}

/** A server helps from either end, but this host knows and can change only its own. */
function overTurn({ own, turn }: PairFacts, obstacle: Obstacle | undefined): string[] {
  if (turn.some(({ isUp }) => isUp)) return []
  const broken = turn.flatMap(({ id, trouble }) =>
    trouble === undefined ? [] : [`mend TURN server ${id}: ${trouble}`],
  )
  if (turn.length > 0) return broken
  const isBlocked = obstacle?.kind === 'udp-blocked' && obstacle.of.includes(own)
  const speaks = isBlocked ? ' that speaks TLS on port 443' : ''
  return [`give ${own.name} a TURN server${speaks}: [[turn]] in its configuration`]
}

function againstObstacle({ kind, of }: Obstacle): string[] {
  switch (kind) {
    case 'udp-blocked':
      return of.map(({ name }) => `allow UDP out of ${name}'s network`)
    case 'wireguard-dropped':
      return of.map(({ name }) => `let WireGuard (UDP) pass in ${name}'s network`)
    case 'both-symmetric':
    case 'one-symmetric':
      return [...of.map(forward), ...of.map(enable)].filter((remedy) => remedy !== '')
    case 'no-hairpin':
      return ['enable hairpin (NAT loopback) on their router', forward(of[0]!)]
    case 'filtered':
      return of.map(allow)
    case 'unknown':
      return ['add a second STUN server to the configuration: stun_servers']
    case 'nothing-offered':
      return []
  }
}

function forward(host: HostFacts): string {
  if (host.nat.mapping === 'none') return allow(host)
  return `forward UDP${portText(host)} on ${host.name}'s router`
}

function allow(host: HostFacts): string {
  return `allow UDP${portText(host)} in ${host.name}'s firewall`
}

function enable({ name, nat, candidates }: HostFacts): string {
  const isAsked = candidates.some(({ kind }) => kind === 'mapped')
  return isAsked || nat.mapping === 'none' ? '' : `enable PCP or UPnP on ${name}'s router`
}

function portText({ port }: HostFacts): string {
  return port === undefined ? '' : ` ${port}`
}
