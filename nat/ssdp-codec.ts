// SPDX-License-Identifier: Apache-2.0
/** SSDP's search and its answer (UPnP Device Architecture 1.1, section 1.3). */
import { err, ok, type Result } from './result.ts'

export const SSDP_PORT = 1_900
export const SSDP_GROUP = '239.255.255.250'

/** Some routers answer only when they are asked for what they are, some only when all roots are asked for. */
export const SSDP_TARGETS = [
  'urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  'upnp:rootdevice',
] as const

const MESSAGE_BYTES_MAX = 2_048
const LINES_MAX = 64

export function encodeSsdpSearch(target: string): Uint8Array {
  const lines = [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${SSDP_GROUP}:${SSDP_PORT}`,
    'MAN: "ssdp:discover"',
    'MX: 1',
    `ST: ${target}`,
    '',
    '',
  ]
  return Uint8Array.from(lines.join('\r\n'), (letter) => letter.charCodeAt(0))
}

/** Where the device's description is, as it says. Never throws. */
export function decodeSsdpAnswer(bytes: Uint8Array): Result<{ location: string }, 'malformed'> {
  if (bytes.length > MESSAGE_BYTES_MAX) return err('malformed')
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  const [status, ...headers] = text.split('\r\n', LINES_MAX)
  if (status === undefined || !/^HTTP\/1\.[01] 200(?: |$)/.test(status)) return err('malformed')
  const found = headers.find((line) => /^location:/i.test(line))
  if (found === undefined) return err('malformed')
  return ok({ location: found.slice(found.indexOf(':') + 1).trim() })
}
