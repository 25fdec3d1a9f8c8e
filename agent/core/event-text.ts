// SPDX-License-Identifier: Apache-2.0
/** An event as a sentence for a person. */
import type { Happening } from './event-log.ts'
import { takeoverText } from './helper-takeover.ts'

export function eventText(event: Happening): string {
  switch (event.kind) {
    case 'path-switched': {
      const { peer, from, to, cause, gapMs } = event
      const gap = gapMs > 0 ? `, gap ${gapMs} ms` : ''
      return `${peer}: traffic moves from ${from ?? 'nowhere'} to ${to ?? 'nowhere'} (${cause}${gap})`
    }
    case 'path-down':
      return `${event.peer}: ${event.path} is down: ${event.reason}`
    case 'path-proven': {
      const { peer, path, rttMs, sinceMs } = event
      return `${peer}: ${path} is proven, ${rttMs.toFixed(1)} ms, after ${sinceMs.toFixed(0)} ms`
    }
    case 'channel-opened':
      return `${event.peer}: a data channel stands (${event.over}), because nothing else carries`
    case 'channel-closed':
      return `${event.peer}: no data channel: ${event.reason}`
    case 'search-begun': {
      const { peer, search, sockets, probes } = event
      const from = sockets > 0 ? `from ${sockets} sockets` : 'from the one port'
      return `${peer}: a search by ${search} begins, at most ${probes} probes ${from}`
    }
    case 'search-ended': {
      const { peer, result, sockets, probes, endpoint, socket } = event
      const at = endpoint === null ? '' : ` at ${endpoint}`
      const from = socket === null ? '' : ` from socket ${socket}`
      return `${peer}: search ended: ${result}${at}${from} after ${probes} probes, ${sockets} sockets`
    }
    case 'helper-connected': {
      const { version, engine, why, kept, takeover } = event
      const how = takeover === null ? '' : ` (${takeoverText(takeover)})`
      return `helper ${version} connected, keeping ${kept} peers${how}; engine ${engine}: ${why}`
    }
    case 'helper-lost':
      return `helper lost: ${event.reason}`
    case 'device-lost':
      return `the device was lost: ${event.reason}`
    case 'turn-up':
      return `TURN server ${event.server} relays for this host at ${event.relayed}`
    case 'turn-down':
      return `TURN server ${event.server} gives no address: ${event.cause}${event.detail === null ? '' : `, ${event.detail}`}`
    case 'mapping-changed':
      return `the NAT's mapping changed from ${event.before} to ${event.mapped ?? 'unknown'}`
    case 'member-joined':
      return `${event.peer} is here`
    case 'member-left':
      return `${event.peer} has left`
    case 'member-suspect':
      return `${event.peer} does not answer`
    case 'member-failed':
      return `${event.peer} has failed`
    case 'member-alive':
      return `${event.peer} answers again`
    case 'member-revoked':
      return `${event.peer} was revoked and is no member any more`
    case 'member-expired':
      return `${event.peer}'s certificate has run out`
    case 'certificate-replaced':
      return `this host has certificate ${event.serial}, valid until ${event.notAfter}`
    case 'renewal-failed':
      return `certificate not renewed: ${event.reason}; again in ${event.retryInS} s`
    case 'twin-seen':
      return 'another host runs with the keys of this one: revoke it, and join with new keys'
    case 'authority-quorum-lost':
      return `authority quorum lost: ${event.answering} of ${event.of} members of its store answer`
    case 'authority-quorum-back':
      return `authority quorum is back: ${event.answering} of ${event.of} members of its store answer`
    case 'authority-withdrawn':
      return `authority ${event.key.slice(0, 8)} is none any more: what it signed is worth nothing`
    case 'policy-changed':
      return `policy ${event.serial} holds: ${event.rules} rules`
    case 'revoked':
      return 'this host was revoked: it is no member any more'
    case 'links-changed':
      return `links changed: ${event.addresses.join(', ') || 'no address'}`
  }
}
