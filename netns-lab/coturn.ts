// SPDX-License-Identifier: Apache-2.0
import type { CoturnDescription } from './service-description.ts'

const defaultPort = 3478
const defaultTlsPort = 5349

/** RFC 1918, RFC 6598, RFC 3927: what a relay on the internet must not open to strangers. Loopback coturn denies itself. */
const privateRanges = [
  '10.0.0.0-10.255.255.255',
  '100.64.0.0-100.127.255.255',
  '169.254.0.0-169.254.255.255',
  '172.16.0.0-172.31.255.255',
  '192.168.0.0-192.168.255.255',
]

export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** Command line of coturn. Two IPv4 addresses let it answer the behaviour tests of RFC 5780. */
export function coturnCommand(
  name: string,
  service: CoturnDescription,
  listen: readonly string[],
  files: CertificateFiles,
): string[] {
  const { port = defaultPort, transports = ['udp', 'tcp'], tlsPort = defaultTlsPort } = service
  const denied = service.deniedPeers ?? privateRanges
  const closed = (['udp', 'tcp'] as const).filter((one) => !transports.includes(one))
  const tls = ['--tls-listening-port', String(tlsPort)]
  return [
    ['turnserver', '-n', '--no-cli', '--no-dtls', '--log-file', 'stdout'],
    ['--pidfile', `/run/${name}.pid`, '--listening-port', String(port)],
    listen.flatMap((address) => ['-L', address]),
    closed.map((one) => `--no-${one}`),
    service.tls === true
      ? [...tls, '--cert', files.certificate, '--pkey', files.key]
      : ['--no-tls'],
    account(service.turn),
    service.turn === undefined ? [] : denied.map((range) => `--denied-peer-ip=${range}`),
    service.args ?? [],
  ].flat()
}

/** Where it listens once it is ready. */
export function coturnPorts(service: CoturnDescription): { udp: number[]; tcp: number[] } {
  const { port = defaultPort, transports = ['udp', 'tcp'], tlsPort = defaultTlsPort } = service
  return {
    udp: transports.includes('udp') ? [port] : [],
    tcp: [
      ...(transports.includes('tcp') ? [port] : []),
      ...(service.tls === true ? [tlsPort] : []),
    ],
  }
}

function account(turn: CoturnDescription['turn']): string[] {
  if (turn === undefined) return ['--stun-only']
  const credentials =
    'authSecret' in turn
      ? ['--use-auth-secret', '--static-auth-secret', turn.authSecret]
      : ['--lt-cred-mech', '--user', `${turn.user}:${turn.password}`]
  return [...credentials, '--realm', turn.realm]
}
