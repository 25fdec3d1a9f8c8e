// SPDX-License-Identifier: Apache-2.0
/** Maps ports on a UPnP gateway. Requests are carried out one after the other, and every one of them has a result. */
import { canonicalIp } from '../../../nat/address.ts'
import type { Gateway } from '../../../nat/gateway-request.ts'
import type { Transport } from '../../../nat/port-lease.ts'
import { err, ok, type Result } from '../../../nat/result.ts'
import { decodeDescription, type UpnpService } from '../../../nat/upnp-description.ts'
import type { UpnpFault, UpnpRequest, UpnpResult } from '../../../nat/upnp-request.ts'
import {
  decodeSoap,
  type SoapAction,
  soapBody,
  soapErrorCode,
  soapPort,
  UPNP_CONFLICT,
  UPNP_ONLY_PERMANENT,
  UPNP_SAME_PORT_REQUIRED,
} from '../../../nat/upnp-soap.ts'
import { jitter } from '../entropy.ts'
import { exchange } from './gateway-http.ts'
import { searchGateway } from './upnp-search.ts'

/** Attempts to add one mapping: with a wish, with other ports, for ever. */
const ADD_ATTEMPTS_MAX = 4
const PORT_MIN = 1_024

interface Fault {
  readonly ok: false
  readonly error: UpnpFault
  readonly code?: number
}

type MapRequest = Extract<UpnpRequest, { action: 'map' }>
type Answer = Result<ReadonlyMap<string, string>, UpnpFault> | Fault

export class UpnpClient {
  readonly #gateway: Gateway
  readonly #ssdpPort: number | undefined
  #services: readonly UpnpService[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(gateway: Gateway, ssdpPort?: number) {
    this.#gateway = gateway
    this.#ssdpPort = ssdpPort
  }

  /** Never rejects. */
  request(request: UpnpRequest): Promise<UpnpResult> {
    const result = this.#last.then(() => this.#perform(request))
    this.#last = result
    return result
  }

  async #perform(request: UpnpRequest): Promise<UpnpResult> {
    const failed = ({ error, code }: Omit<Fault, 'ok'>): UpnpResult => {
      return { outcome: 'failed', request, fault: error, ...(code === undefined ? {} : { code }) }
    }
    if (request.action === 'discover') {
      const found = await this.#discover()
      return found.ok ? { outcome: 'found' } : failed(found)
    }
    if (request.action === 'unmap') {
      const removed = await this.#unmap(request.transport, request.externalPort)
      return removed.ok ? { outcome: 'found' } : failed(removed)
    }
    const wasKnown = this.#services.length > 0
    const mapped = await this.#map(request)
    // Many routers offer their services on another port after each restart.
    const retried =
      !('outcome' in mapped) && wasKnown && mapped.error === 'unreachable'
        ? await this.#map(request)
        : mapped
    return 'outcome' in retried ? retried : failed(retried)
  }

  async #discover(): Promise<Result<undefined, UpnpFault>> {
    const { address: host, local } = this.#gateway
    let fault: UpnpFault = 'no-answer'
    for (const url of await searchGateway(this.#gateway, this.#ssdpPort)) {
      const answer = await exchange({ host, local, url })
      const services =
        answer.ok && answer.value.status === 200
          ? decodeDescription(answer.value.body, host, url)
          : err('unreachable')
      if (services.ok) {
        this.#services = services.value
        return ok(undefined)
      }
      fault = services.error
    }
    return err(fault)
  }

  /** With the first service that does it. */
  async #map(request: MapRequest): Promise<UpnpResult | Fault> {
    const found = this.#services.length > 0 ? ok(undefined) : await this.#discover()
    if (!found.ok) return found
    let fault: Fault = err('no-service')
    for (const service of this.#services) {
      const port = await this.#add(service, request)
      if (!port.ok) {
        fault = port
        continue
      }
      const { transport, internalPort, lifetimeS } = request
      const ip = await this.#externalIp(service)
      if (!ip.ok) return ip
      this.#services = [service]
      const granted = { externalIp: ip.value, externalPort: port.value, lifetimeS }
      return { outcome: 'mapped', transport, internalPort, ...granted }
    }
    if (fault.error === 'unreachable') this.#services = []
    return fault
  }

  async #add(service: UpnpService, request: MapRequest): Promise<Result<number, never> | Fault> {
    const { internalPort } = request
    let { externalPort, lifetimeS } = request
    let action: SoapAction = service.type.endsWith(':2') ? 'AddAnyPortMapping' : 'AddPortMapping'
    let fault: Fault = err('refused')
    for (let attempt = 0; attempt < ADD_ATTEMPTS_MAX; attempt++) {
      const answer = await this.#call(service, action, {
        NewRemoteHost: '',
        NewExternalPort: externalPort,
        NewProtocol: request.transport.toUpperCase(),
        NewInternalPort: internalPort,
        NewInternalClient: this.#gateway.local,
        NewEnabled: 1,
        NewPortMappingDescription: 'meshgate',
        NewLeaseDuration: lifetimeS,
      })
      if (answer.ok) {
        if (action === 'AddPortMapping') return ok(externalPort)
        const reserved = soapPort(answer.value, 'NewReservedPort')
        return reserved
      }
      fault = answer
      if (answer.error !== 'refused') break
      const code = 'code' in answer ? answer.code : undefined
      if (code === UPNP_ONLY_PERMANENT && lifetimeS !== 0) lifetimeS = 0
      else if (code === UPNP_SAME_PORT_REQUIRED) externalPort = internalPort
      else if (action === 'AddAnyPortMapping') action = 'AddPortMapping'
      else if (code === UPNP_CONFLICT) externalPort = randomPort()
      else break
    }
    return fault
  }

  async #externalIp(service: UpnpService): Promise<Result<string, never> | Fault> {
    const answer = await this.#call(service, 'GetExternalIPAddress', {})
    if (!answer.ok) return answer
    const ip = canonicalIp(answer.value.get('NewExternalIPAddress') ?? '')
    return ip.ok ? ip : err('malformed')
  }

  async #unmap(transport: Transport, externalPort: number): Promise<Answer> {
    const service = this.#services[0]
    if (service === undefined) return err('unreachable')
    return this.#call(service, 'DeletePortMapping', {
      NewRemoteHost: '',
      NewExternalPort: externalPort,
      NewProtocol: transport.toUpperCase(),
    })
  }

  async #call(
    service: UpnpService,
    action: SoapAction,
    values: Readonly<Record<string, string | number>>,
  ): Promise<Answer> {
    const { address: host, local } = this.#gateway
    const headers = {
      'Content-Type': 'text/xml; charset="utf-8"',
      SOAPAction: `"${service.type}#${action}"`,
    }
    const body = soapBody(service.type, action, values)
    const answer = await exchange({ host, local, url: service.control, post: { headers, body } })
    if (!answer.ok) return answer
    const { status } = answer.value
    const said = decodeSoap(answer.value.body)
    if (status === 200) return said
    const code = said.ok ? soapErrorCode(said.value) : undefined
    return { ok: false, error: 'refused', ...(code === undefined ? {} : { code }) }
  }
}

function randomPort(): number {
  return PORT_MIN + Math.floor(jitter() * (65_536 - PORT_MIN))
}
