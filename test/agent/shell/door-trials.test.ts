// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { DoorTrials, tryTcp, tryUdp } from '../../../agent/shell/door-trials.ts'
import { type TransportAddress, transportAddress } from '../../../nat/address.ts'
import { nodeIdOf } from '../../../topology/identity.ts'
import { at } from '../../nat/literal.ts'
import { signer } from '../../topology/sample-network.ts'

const bob = nodeIdOf(signer(2).publicKey)

function loopback(port: number): TransportAddress {
  const address = transportAddress('127.0.0.1', port)
  if (!address.ok) throw new Error(address.error)
  return address.value
}

describe('a door that is tried', () => {
  it('is open over TCP where somebody listens, and shut where nobody does', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    expect(await tryTcp(loopback(port))).toBe(true)
    server.close()
    await once(server, 'close')
    expect(await tryTcp(loopback(port))).toBe(false)
  })

  it('is shut over UDP if nothing but nonsense, or the answer to another question, comes back', async () => {
    const server = createSocket('udp4').bind(0, '127.0.0.1')
    await once(server, 'listening')
    server.on('message', (message, { address, port }) => {
      server.send('nonsense', port, address)
      const other = Buffer.from(message)
      other[12]! ^= 1
      server.send(other, port, address)
    })
    expect(await tryUdp(loopback(server.address().port))).toBe(false)
    server.close()
  })

  it('is tried only at global addresses that the member names, and not often', async () => {
    const trials = new DoorTrials()
    const ask = (udp: TransportAddress, tcp: TransportAddress, named: TransportAddress[]) => {
      const candidates = named.map((address) => ({ kind: 'host', address }) as const)
      return trials.answer(bob, candidates, { kind: 'dial', udp, tcp })
    }
    const [own, other, home] = [at('127.0.0.1:9'), at('203.0.113.9:9'), at('192.168.1.1:80')]
    const refused = { kind: 'fault', fault: 'refused' }
    expect(await ask(other, other, [own])).toEqual(refused)
    expect(await ask(home, home, [home])).toEqual(refused)
    expect(await ask(other, home, [other, home])).toEqual(refused)
    const many = await Promise.all(Array.from({ length: 20 }, () => ask(other, other, [other])))
    expect(many.filter((told) => told.kind === 'fault' && told.fault === 'busy')).toHaveLength(12)
  })
})
