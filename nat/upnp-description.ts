// SPDX-License-Identifier: Apache-2.0
/** What a gateway's device description names: the services that map ports, and where they are asked. */
import { err, ok, type Result } from './result.ts'
import { xmlLeaves } from './xml-elements.ts'

/** Best first: the second version of WANIPConnection can choose a free port by itself. */
export const SERVICE_TYPES = [
  'urn:schemas-upnp-org:service:WANIPConnection:2',
  'urn:schemas-upnp-org:service:WANIPConnection:1',
  'urn:schemas-upnp-org:service:WANPPPConnection:1',
] as const

export type ServiceType = (typeof SERVICE_TYPES)[number]

/** On the gateway itself; there is no other host that we would ask. */
export interface GatewayUrl {
  readonly port: number
  readonly path: string
}

export interface UpnpService {
  readonly type: ServiceType
  readonly control: GatewayUrl
}

const SERVICES_MAX = 4
const URL_LENGTH_MAX = 512

/** A plain HTTP address on the gateway; undefined for any other host, scheme or user, and for what could split a request. */
export function gatewayUrl(text: string, gateway: string): GatewayUrl | undefined {
  if (text.length > URL_LENGTH_MAX) return undefined
  const match = /^http:\/\/([0-9.]{7,15})(?::([1-9][0-9]{0,4}))?(\/[!-~]*)?$/i.exec(text)
  if (match === null || match[1] !== gateway) return undefined
  const port = Number(match[2] ?? 80)
  return port > 65_535 ? undefined : { port, path: withoutFragment(match[3] ?? '/') }
}

/** Never throws. `from`: where the description was. */
export function decodeDescription(
  document: string,
  gateway: string,
  from: GatewayUrl,
): Result<UpnpService[], 'malformed' | 'no-service'> {
  const leaves = xmlLeaves(document)
  if (!leaves.ok) return leaves
  const textOf = (name: string, parent: number) =>
    leaves.value.find((leaf) => leaf.name === name && leaf.parent === parent)?.text
  const named = leaves.value.find((leaf) => leaf.name === 'URLBase')?.text ?? ''
  const base = gatewayUrl(named, gateway) ?? from
  const services = leaves.value.flatMap(({ name, text, parent }) => {
    const type = SERVICE_TYPES.find((known) => known === text)
    const control = resolve(textOf('controlURL', parent) ?? '', gateway, base)
    return name !== 'serviceType' || type === undefined || control === undefined
      ? []
      : [{ type, control }]
  })
  if (services.length === 0) return err('no-service')
  const rank = ({ type }: UpnpService) => SERVICE_TYPES.indexOf(type)
  return ok(services.sort((a, b) => rank(a) - rank(b)).slice(0, SERVICES_MAX))
}

function resolve(reference: string, gateway: string, base: GatewayUrl): GatewayUrl | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return gatewayUrl(reference, gateway)
  if (!/^[!-~]{1,512}$/.test(reference) || reference.startsWith('//')) return undefined
  const folder = base.path.slice(0, base.path.lastIndexOf('/') + 1)
  const path = reference.startsWith('/') ? reference : `${folder}${reference}`
  return { port: base.port, path: withoutFragment(path) }
}

function withoutFragment(path: string): string {
  const hash = path.indexOf('#')
  return hash === -1 ? path : path.slice(0, hash)
}
