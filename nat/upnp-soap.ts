// SPDX-License-Identifier: Apache-2.0
/** WANIPConnection's actions as SOAP 1.1 (UPnP Device Architecture 1.1, section 3.2). */
import { err, ok, type Result } from './result.ts'
import type { ServiceType } from './upnp-description.ts'
import { xmlLeaves } from './xml-elements.ts'

export type SoapAction =
  | 'AddPortMapping'
  | 'AddAnyPortMapping'
  | 'DeletePortMapping'
  | 'GetExternalIPAddress'

/** The errors that the client tells apart (WANIPConnection:2, section 2.5). */
export const UPNP_CONFLICT = 718
export const UPNP_SAME_PORT_REQUIRED = 724
export const UPNP_ONLY_PERMANENT = 725

/** `values` are ours: numbers, addresses and plain words, in the order that the action wants. */
export function soapBody(
  service: ServiceType,
  action: SoapAction,
  values: Readonly<Record<string, string | number>>,
): string {
  const inner = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`)
  return [
    '<?xml version="1.0"?>\r\n',
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"',
    ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>',
    `<u:${action} xmlns:u="${service}">${inner.join('')}</u:${action}>`,
    '</s:Body></s:Envelope>\r\n',
  ].join('')
}

/** The values of an answer by name, the first of each. Never throws. */
export function decodeSoap(document: string): Result<ReadonlyMap<string, string>, 'malformed'> {
  const leaves = xmlLeaves(document)
  if (!leaves.ok) return leaves
  const values = new Map<string, string>()
  for (const { name, text } of leaves.value) if (!values.has(name)) values.set(name, text)
  return ok(values)
}

/** The number of a fault; undefined if it carries none. */
export function soapErrorCode(values: ReadonlyMap<string, string>): number | undefined {
  const text = values.get('errorCode') ?? ''
  return /^[1-9][0-9]{2}$/.test(text) ? Number(text) : undefined
}

/** A port that an answer names. */
export function soapPort(
  values: ReadonlyMap<string, string>,
  name: string,
): Result<number, 'malformed'> {
  const text = values.get(name) ?? ''
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? ok(port) : err('malformed')
}
