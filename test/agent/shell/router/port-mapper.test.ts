// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test } from 'vitest'
import type { Effect } from '../../../../agent/core/effect.ts'
import type { Event } from '../../../../agent/core/event.ts'
import { portMappingStatus, whyNoPortMapping } from '../../../../agent/core/port-mapping.ts'
import { readClock } from '../../../../agent/shell/clock.ts'
import { Loop } from '../../../../agent/shell/loop.ts'
import { perform } from '../../../../agent/shell/perform.ts'
import { PortMapper } from '../../../../agent/shell/router/port-mapper.ts'
import { natPmpResponse, type PcpAnswer, pcpResponse } from '../../../nat/scripted-router.ts'
import { oneNode } from '../../core/one-node.ts'
import { LOOPBACK, udpServer, UpnpRouter } from '../loopback-router.ts'

const DEADLINE = { timeout: 8_000, interval: 20 }
const closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A node with real sockets and real time, whose gateway is on the loopback interface. */
function agentBehind(ports: { gatewayPort: number; ssdpPort: number }) {
  const { node } = oneNode({ portMapping: true })
  const nothing = () => undefined
  const mapper: PortMapper = new PortMapper({
    findRoute: () => ({ gateway: LOOPBACK, interface: 'lo', metric: 0 }),
    onEvent: (event: Event) => loop.dispatch(event),
    ...ports,
  })
  const world = {
    helper: { probe: nothing, sendDatagram: nothing },
    applyQueue: { push: nothing },
    gossip: { publish: nothing, setTargets: nothing },
    membership: { renew: nothing },
    gateway: mapper,
    keepRecord: nothing,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  } as unknown as Parameters<typeof perform>[1]
  const loop: Loop = new Loop({
    node,
    readClock,
    perform: (effect: Effect) => perform(effect, world),
  })
  closing.push(
    () => loop.close(),
    () => mapper.close(),
  )
  loop.dispatch({ kind: 'tick' })
  return {
    loop,
    mapper,
    status: () => portMappingStatus(node, readClock()),
    why: () => whyNoPortMapping(node),
  }
}

async function router(answer: (payload: Buffer) => readonly Uint8Array[]) {
  const server = await udpServer(answer)
  closing.push(() => server.close())
  return server
}

/** A port at which nobody listens, as far as anybody knows. */
async function nobody(): Promise<number> {
  const server = await udpServer(() => [])
  server.close()
  return server.port
}

const grant = (port: number): PcpAnswer => ({
  epochS: 7,
  lifetimeS: 7_200,
  port,
  ip: '203.0.113.7',
})
const isMap = (payload: Buffer) => payload[0] === 2 && payload.length === 60
const isRelease = (payload: Buffer) => payload.readUInt32BE(payload[0] === 2 ? 4 : 8) === 0

describe('an agent behind a router that speaks', () => {
  test('PCP has both ports mapped, and gives them back at the end', async () => {
    const server = await router((payload) =>
      isMap(payload) ? [pcpResponse(Uint8Array.from(payload), grant(50_000 + payload[36]!))] : [],
    )
    const { status, loop, mapper } = agentBehind({
      gatewayPort: server.port,
      ssdpPort: await nobody(),
    })
    await expect.poll(status, DEADLINE).toMatchObject({
      protocol: 'pcp',
      external: '203.0.113.7:50017',
      externalTcp: '203.0.113.7:50006',
    })
    loop.dispatch({ kind: 'release-ports' })
    const startedAt = performance.now()
    await mapper.settle(500)
    expect(performance.now() - startedAt).toBeLessThan(500)
    const released = () => server.heard.filter((payload) => isMap(payload) && isRelease(payload))
    await expect.poll(() => released().length, DEADLINE).toBe(2)
  })

  test('only NAT-PMP has its ports mapped by that', async () => {
    const server = await router((payload) => {
      const about = Uint8Array.from(payload)
      // RFC 6886 section 3.5: a request of another version gets an answer of its own.
      if (payload[0] === 2) return [natPmpResponse(about, { ...grant(0), result: 1 })]
      return [natPmpResponse(about, grant(50_000 + payload[1]!))]
    })
    const { status } = agentBehind({ gatewayPort: server.port, ssdpPort: await nobody() })
    await expect.poll(status, DEADLINE).toMatchObject({
      protocol: 'nat-pmp',
      external: '203.0.113.7:50001',
      externalTcp: '203.0.113.7:50002',
    })
  })

  test('gets nothing from another address, or by an answer that no router may send', async () => {
    const grantOf = (payload: Buffer) => pcpResponse(Uint8Array.from(payload), grant(50_000))
    const stranger = await router(() => [])
    const server = await router((payload) => {
      if (!isMap(payload)) return []
      stranger.socket.send(grantOf(payload), sender())
      return [Buffer.concat([grantOf(payload), Buffer.alloc(60_000)])]
    })
    const sender = () => server.senders.at(-1)!.port
    const { status } = agentBehind({ gatewayPort: server.port, ssdpPort: await nobody() })
    // It asks for UDP again only because nothing of this counts.
    const askedForUdp = () => server.heard.filter((payload) => isMap(payload) && payload[36] === 17)
    await expect.poll(() => askedForUdp().length, DEADLINE).toBeGreaterThan(1)
    expect(status()).toBeNull()
  })

  test('nonsense goes on without a mapping, and says so', async () => {
    const server = await router((payload) => [
      Buffer.alloc(0),
      Buffer.alloc(1_400, 0x82),
      Buffer.from([2, 0x81, 0, 0]),
      Buffer.alloc(60, 0xff),
      payload,
      pcpResponse(new Uint8Array(60), grant(1)),
    ])
    const { status, why } = agentBehind({ gatewayPort: server.port, ssdpPort: await nobody() })
    await expect.poll(() => server.heard.length, DEADLINE).toBeGreaterThan(2)
    expect(status()).toBeNull()
    expect(why()).toMatch(/^(asking )?the gateway 127\.0\.0\.1/)
  })

  test('only UPnP has its ports mapped at once, as nothing listens for the others', async () => {
    const upnp = await UpnpRouter.start()
    closing.push(() => upnp.close())
    const { status, loop, mapper } = agentBehind({
      gatewayPort: await nobody(),
      ssdpPort: upnp.ssdpPort,
    })
    await expect.poll(status, DEADLINE).toMatchObject({
      protocol: 'upnp',
      external: '203.0.113.7:41820',
      externalTcp: '203.0.113.7:41821',
    })
    loop.dispatch({ kind: 'release-ports' })
    await mapper.settle(500)
    expect(upnp.mappings.size).toBe(0)
  })
})
