// SPDX-License-Identifier: Apache-2.0
/** Whom the channel process may ask: STUN servers, which members are, and TURN servers that the configuration names. */
import { createHmac } from 'node:crypto'
import { addressParts, type TransportAddress } from '../../../nat/address.ts'
import type { WallTime } from '../../../nat/clock.ts'
import { parseTurnUrl } from '../../../nat/turn-url.ts'
import type { DesiredTurnServer } from '../../core/helper-contract.ts'
import type { IceServer } from './channel-message.ts'

/** The library asks one; the second is for when that is away. */
const STUN_SERVERS_MAX = 2
/** As many as the library takes. */
const TURN_SERVERS_MAX = 2
const CREDENTIAL_LIFETIME_S = 86_400

export interface IceServerSources {
  readonly stun: readonly TransportAddress[]
  readonly turn: readonly DesiredTurnServer[]
  readonly now: WallTime
}

/** The library speaks UDP only, so servers over TCP and TLS are left out. */
export function iceServers({ stun, turn, now }: IceServerSources): IceServer[] {
  const asked = stun.slice(0, STUN_SERVERS_MAX).map((address) => {
    const { ip, port } = addressParts(address)
    return { host: ip, port }
  })
  const relays = turn.flatMap((server) => turnOverUdp(server, now)).slice(0, TURN_SERVERS_MAX)
  return [...asked, ...relays]
}

function turnOverUdp(server: DesiredTurnServer, now: WallTime): IceServer[] {
  const { url, username, password, secret } = server
  const parsed = parseTurnUrl(url)
  if (parsed?.transport !== 'udp' || username === undefined) return []
  const place = { host: parsed.host, port: parsed.port }
  if (secret === undefined) return password === undefined ? [] : [{ ...place, username, password }]
  // As the helper makes them: native/PROTOCOL.md, TURN servers.
  const timed = `${Math.floor(now / 1000) + CREDENTIAL_LIFETIME_S}:${username}`
  const code = createHmac('sha1', secret).update(timed).digest('base64')
  return [{ ...place, username: timed, password: code }]
}
