// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { GatewaySocket } from '../../../../agent/shell/router/gateway-socket.ts'
import { LOOPBACK, udpServer } from '../loopback-router.ts'

test('a gateway is heard up to the 1,100 bytes of RFC 6887, and nothing that is longer goes any further', async () => {
  const server = await udpServer(() => [1_101, 60_000, 1_100].map((bytes) => Buffer.alloc(bytes)))
  const heard: number[] = []
  const socket = await GatewaySocket.open({
    address: LOOPBACK,
    port: server.port,
    onMessage: (payload) => heard.push(payload.length),
    onClosed: () => undefined,
  })
  socket!.send(Uint8Array.of(0))
  await expect.poll(() => heard.at(-1)).toBe(1_100)
  expect(heard).toEqual([1_100])
  socket!.close()
  server.close()
})
