// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UpnpClient } from '../../../../agent/shell/router/upnp-client.ts'
import type { UpnpRequest } from '../../../../nat/upnp-request.ts'
import { LOOPBACK, udpServer, UpnpRouter, webServer, type Page } from '../loopback-router.ts'

const GATEWAY = { address: LOOPBACK, local: LOOPBACK }
const MAP: UpnpRequest = {
  action: 'map',
  transport: 'udp',
  internalPort: 41_820,
  externalPort: 41_820,
  lifetimeS: 7_200,
}

describe('a UPnP client and a router that maps ports', () => {
  let router: UpnpRouter
  let client: UpnpClient

  beforeEach(async () => {
    router = await UpnpRouter.start()
    client = new UpnpClient(GATEWAY, router.ssdpPort)
  })
  afterEach(() => router.close())

  test('find each other, map and unmap', async () => {
    expect(await client.request({ action: 'discover' })).toEqual({ outcome: 'found' })
    expect(await client.request(MAP)).toEqual({
      outcome: 'mapped',
      transport: 'udp',
      internalPort: 41_820,
      externalIp: '203.0.113.7',
      externalPort: 41_820,
      lifetimeS: 7_200,
    })
    expect([...router.mappings]).toEqual([
      ['UDP 41820', { port: 41_820, client: LOOPBACK, lifetimeS: 7_200 }],
    ])
    await client.request({ action: 'unmap', transport: 'udp', externalPort: 41_820 })
    expect(router.mappings.size).toBe(0)
  })

  test('agree on another port if the wanted one is taken', async () => {
    router.errors.set('AddPortMapping', [718, 718])
    const result = await client.request(MAP)
    expect(result).toMatchObject({ outcome: 'mapped' })
    expect([...router.mappings.keys()]).not.toEqual(['UDP 41820'])
  })

  test('agree on a mapping for ever if the router knows no other', async () => {
    router.errors.set('AddPortMapping', [725])
    expect(await client.request(MAP)).toMatchObject({ outcome: 'mapped', lifetimeS: 7_200 })
    expect(router.mappings.get('UDP 41820')).toMatchObject({ lifetimeS: 0 })
  })

  test('use what the second version can do, and the first where that fails', async () => {
    router.version = 2
    router.errors.set('AddAnyPortMapping', [401])
    expect(await client.request(MAP)).toMatchObject({ outcome: 'mapped' })
    expect(await client.request(MAP)).toMatchObject({ outcome: 'mapped' })
    expect(router.actions.filter((action) => action !== 'GetExternalIPAddress')).toEqual([
      'AddAnyPortMapping',
      'AddPortMapping',
      'AddAnyPortMapping',
    ])
  })

  test('stop after a refusal, with its number', async () => {
    router.errors.set('AddPortMapping', [606, 606, 606, 606, 606])
    expect(await client.request(MAP)).toEqual({
      outcome: 'failed',
      request: MAP,
      fault: 'refused',
      code: 606,
    })
    expect(router.actions).toEqual(['AddPortMapping'])
  })

  test('do not agree on an address that is none', async () => {
    router.externalIp = '203.0.113.7; drop'
    expect(await client.request(MAP)).toMatchObject({ outcome: 'failed', fault: 'malformed' })
  })
})

describe('a UPnP client and a hostile router', () => {
  async function against(page: Page): Promise<{ fault: string | undefined; tookMs: number }> {
    const web = await webServer(page)
    const ssdp = await udpServer(() => [
      Buffer.from([1, 2, 3]),
      Buffer.from('HTTP/1.1 200 OK\r\nLOCATION: http://192.0.2.66/root.xml\r\n\r\n'),
      Buffer.from(`HTTP/1.1 200 OK\r\nLOCATION: http://${LOOPBACK}:${web.port}/\r\n\r\n`),
    ])
    const startedAt = performance.now()
    const result = await new UpnpClient(GATEWAY, ssdp.port).request(MAP)
    web.close()
    ssdp.close()
    const fault = result.outcome === 'failed' ? result.fault : undefined
    return { fault, tookMs: performance.now() - startedAt }
  }

  test('follow no redirection', async () => {
    let asked = 0
    const { fault } = await against((_request, _body, response) => {
      asked += 1
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    expect({ fault, asked }).toEqual({ fault: 'unreachable', asked: 1 })
  })

  test('read no more than 64 KiB', async () => {
    const ofLength = (bytes: number) =>
      against((_request, _body, response) => response.end(`<a>${'x'.repeat(bytes - 7)}</a>`))
    expect((await ofLength(65_536)).fault).toBe('no-service')
    // Read to its end it would be malformed.
    expect((await ofLength(65_537)).fault).toBe('unreachable')
  })

  test('end what is poured out without an end', async () => {
    const { fault } = await against((_request, _body, response) => {
      response.on('error', () => undefined)
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    })
    expect(fault).toBe('unreachable')
  })

  test('wait no longer than three seconds for a trickle', async () => {
    const { fault, tookMs } = await against((_request, _body, response) => {
      const timer = setInterval(() => response.write(' '), 100)
      response.on('close', () => clearInterval(timer))
    })
    expect(fault).toBe('unreachable')
    expect(tookMs).toBeLessThan(4_500)
  })

  test('take nonsense for what it is', async () => {
    const nonsense = await against((_request, _body, response) => response.end('<a><b></a>'))
    expect(nonsense.fault).toBe('malformed')
    const useless = await against((_request, _body, response) => response.end('<a/>'))
    expect(useless.fault).toBe('no-service')
    const cut = await against((_request, _body, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('<a>', () => response.destroy())
    })
    expect(cut.fault).toBe('unreachable')
  })

  test('hear nothing where nobody speaks UPnP', async () => {
    const silent = await udpServer(() => [])
    const client = new UpnpClient(GATEWAY, silent.port)
    expect(await client.request({ action: 'discover' })).toMatchObject({ fault: 'no-answer' })
    silent.close()
  })
})
