// SPDX-License-Identifier: Apache-2.0
/** What a helper has of one that was killed or replaced before it. */
export interface HelperTakeover {
  /** The interface is the same, with its addresses and routes. */
  readonly device: boolean
  /** Sessions went on; else peers were shaken hands with anew. */
  readonly sessions: boolean
  /** Punched sockets that are the same. */
  readonly sockets: number
}

/** What a helper has of the one before it. */
export function takeoverText({ device, sessions, sockets }: HelperTakeover): string {
  return [
    `it goes on after an earlier one: ${device ? 'the same device' : 'a new device'}`,
    sessions ? 'the same sessions' : 'sessions by new handshakes',
    ...(sockets > 0 ? [`${sockets} punched sockets taken over`] : []),
  ].join(', ')
}
