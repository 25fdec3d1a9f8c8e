// SPDX-License-Identifier: Apache-2.0
/** Routers on the loopback interface: what they answer is the test's. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const LOOPBACK = '127.0.0.1'

/** A UDP server; `answer` gives the datagrams that go back. */
export async function udpServer(answer: (payload: Buffer) => readonly Uint8Array[]): Promise<{
  port: number
  heard: Buffer[]
  senders: RemoteInfo[]
  socket: Socket
  close(): void
}> {
  const socket = createSocket('udp4')
  const heard: Buffer[] = []
  const senders: RemoteInfo[] = []
  socket.on('message', (message, from) => {
    heard.push(message)
    senders.push(from)
    for (const payload of answer(message)) socket.send(payload, from.port, from.address)
  })
  socket.bind(0, LOOPBACK)
  await once(socket, 'listening')
  return { port: socket.address().port, heard, senders, socket, close: () => socket.close() }
}

export type Page = (request: IncomingMessage, body: string, response: ServerResponse) => void

export async function webServer(
  page: Page,
): Promise<{ port: number; server: Server; close(): void }> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => page(request, body, response))
  })
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, server, close }
}

/** A gateway with WANIPConnection: counts mappings as a router does. */
export class UpnpRouter {
  readonly mappings = new Map<string, { port: number; client: string; lifetimeS: number }>()
  readonly actions: string[] = []
  version: 1 | 2 = 1
  /** Errors that the next calls of an action meet. */
  readonly errors = new Map<string, number[]>()
  externalIp = '203.0.113.7'
  #close: (() => void)[] = []
  ssdpPort = 0
  webPort = 0

  static async start(): Promise<UpnpRouter> {
    const router = new UpnpRouter()
    const web = await webServer((request, body, response) => router.#serve(request, body, response))
    const location = `http://${LOOPBACK}:${web.port}/root.xml`
    const ssdp = await udpServer(() => [
      Buffer.from(`HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: ${location}\r\n\r\n`),
    ])
    router.ssdpPort = ssdp.port
    router.webPort = web.port
    router.#close = [() => web.close(), () => ssdp.close()]
    return router
  }

  close(): void {
    for (const close of this.#close) close()
  }

  #serve(request: IncomingMessage, body: string, response: ServerResponse): void {
    const type = `urn:schemas-upnp-org:service:WANIPConnection:${this.version}`
    if (request.url === '/root.xml') {
      response.end(
        `<?xml version="1.0"?><root><device><serviceList><service><serviceType>${type}</serviceType>` +
          '<controlURL>/ctl</controlURL></service></serviceList></device></root>',
      )
      return
    }
    const action = /#(\w+)"/.exec(String(request.headers['soapaction']))?.[1] ?? ''
    this.actions.push(action)
    const code = this.errors.get(action)?.shift()
    if (code !== undefined) {
      response.statusCode = 500
      response.end(`<s:Envelope><UPnPError><errorCode>${code}</errorCode></UPnPError></s:Envelope>`)
      return
    }
    const values = this.#call(action, body)
    const inner = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`)
    response.end(
      `<s:Envelope><s:Body><u:${action}Response>${inner.join('')}</u:${action}Response></s:Body></s:Envelope>`,
    )
  }

  #call(action: string, body: string): Record<string, string | number> {
    const value = (name: string) => new RegExp(`<${name}>([^<]*)<`).exec(body)?.[1] ?? ''
    const key = `${value('NewProtocol')} ${value('NewExternalPort')}`
    if (action === 'GetExternalIPAddress') return { NewExternalIPAddress: this.externalIp }
    if (action === 'DeletePortMapping') this.mappings.delete(key)
    else {
      this.mappings.set(key, {
        port: Number(value('NewInternalPort')),
        client: value('NewInternalClient'),
        lifetimeS: Number(value('NewLeaseDuration')),
      })
    }
    return action === 'AddAnyPortMapping' ? { NewReservedPort: value('NewExternalPort') } : {}
  }
}
