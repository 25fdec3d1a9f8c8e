// SPDX-License-Identifier: Apache-2.0
import type { GridPath } from '../expected-grid.ts'
import type { MemberPeer, MemberStatus } from '../member.ts'
import type { Member } from '../member.ts'

/** How one member stands to all others: what it says, and what an outside program finds. */
export interface MemberView {
  readonly paths: ReadonlyMap<string, MemberPeer>
  /** Names of the peers that answer Debian's ping at their mesh address. */
  readonly answering: ReadonlySet<string>
}

/** Seconds: a session may have to be made first, which WireGuard retries after 5 s. */
const pingWaitS = 7

/** Pings everybody at once: a shell of the host's own, because entering the host once a peer would take longer. */
const pingScript =
  'for at in "$@"; do { ping -q -n -c 2 -i 0.5 -w "$WAIT_S" "${at#*=}" >/dev/null && echo "${at%%=*}"; } & done; wait'

export async function viewOf(member: Member, among: ReadonlySet<string>): Promise<MemberView> {
  const { peers }: MemberStatus = await member.status()
  const asked = peers.filter(({ name }) => among.has(name))
  const places = asked.map(({ name, addresses }) => `${name}=${addresses[0]}`)
  const { stdout } = await member.host.exec([
    'env',
    `WAIT_S=${pingWaitS}`,
    'sh',
    '-c',
    pingScript,
    'ping-all',
    ...places,
  ])
  return {
    paths: new Map(asked.map((peer) => [peer.name, peer])),
    answering: new Set(stdout.split('\n').filter((line) => line !== '')),
  }
}

/** Whatever is neither direct nor none goes over somebody. */
export function gridPath(peer: MemberPeer | undefined): GridPath {
  const kind = peer?.path.kind ?? 'none'
  return kind === 'direct' || kind === 'none' ? kind : 'relay'
}
