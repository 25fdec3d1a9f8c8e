// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../../netns-lab/lab.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { mappedEndpoint } from './nat-classifier.ts'

const server = '198.51.100.10'
const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
const kinds = ['port-restricted', 'port-restricted-preserving', 'masquerade'] as const
let lab: Lab

beforeAll(async () => {
  lab = await startLab({
    name: 'natpunching',
    hosts: {
      stun: { address: [server, '198.51.100.11'] },
      peer: {},
      ...Object.fromEntries(kinds.map((kind) => [`in-${kind}`, { behind: kind }])),
    },
    nats: Object.fromEntries(kinds.map((kind) => [kind, { kind }])),
    services: { stun: { kind: 'coturn', on: 'stun' } },
  })
})
afterAll(async () => lab.stop())

/** Sends one datagram from a port of the host. */
async function send(host: LabHost, fromPort: number, address: string, port: number): Promise<void> {
  const script =
    "const [, from, address, port] = process.argv; const socket = require('node:dgram').createSocket('udp4');" +
    "socket.bind(+from, () => socket.send('x', +port, address, () => socket.close()))"
  await host.run([node, '-e', script, `${fromPort}`, address, `${port}`])
}

test.each(kinds)(
  "behind %s, a peer's packet that comes too early does not move the mapping",
  async (kind) => {
    const inner = lab.host(`in-${kind}`)
    const peer = lab.host('peer')
    const [address = '', port = ''] = (await mappedEndpoint(inner, server, 5000)).split(':')
    await send(peer, 6000, address, Number(port))
    const capture = await peer.capture('eth0', `udp and src host ${address}`)
    await send(inner, 5000, peer.address, 6000)
    await peer.waitFor(async () => (await peer.run(['tcpdump', '-nr', capture.pcapFile])) !== '', {
      deadlineMs: 5000,
      what: "the inner host's packet comes",
    })
    const { text } = await capture.stop()
    expect(text).toContain(`${address}.${port} > ${peer.address}.6000`)
  },
)
