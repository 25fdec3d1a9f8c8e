// SPDX-License-Identifier: Apache-2.0
/** Where a TURN server is, and how it is spoken to (RFC 7065). */
export interface TurnUrl {
  /** A name or an address, IPv6 without its brackets. */
  readonly host: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls'
}

const PORT = 3478
const TLS_PORT = 5349

/** Undefined if it is none. */
export function parseTurnUrl(url: string): TurnUrl | undefined {
  const [, scheme, bracketed, name, port, transport = 'udp'] =
    /^(turns?):(?:\[([^\]]+)\]|([^:?]+))(?::(\d+))?(?:\?transport=(udp|tcp))?$/.exec(url) ?? []
  const host = bracketed ?? name
  if (host === undefined) return undefined
  const usual = scheme === 'turns' ? TLS_PORT : PORT
  return {
    host,
    port: port === undefined ? usual : Number(port),
    transport: scheme === 'turns' ? 'tls' : transport === 'tcp' ? 'tcp' : 'udp',
  }
}
