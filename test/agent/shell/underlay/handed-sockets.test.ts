// SPDX-License-Identifier: Apache-2.0
import { spawn, type StdioOptions } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type HandedSocket, listenPlaces } from '../../../../agent/shell/underlay/handed-sockets.ts'

const CHILD = join(import.meta.dirname, '../handed-child.ts')
let servers: Server[] = []

afterEach(() => {
  for (const server of servers) server.close()
  servers = []
})

async function listening(host: string): Promise<{ descriptor: number; port: number }> {
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen({ host, port: 0, ipv6Only: true }, resolve))
  const address = server.address()
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  if (address === null || typeof address === 'string') throw new Error('listens nowhere')
  return { descriptor: fd, port: address.port }
}

/** What a process finds that was given these descriptors, from 3 on. */
async function found(descriptors: readonly number[]): Promise<Record<string, HandedSocket[]>> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', ...descriptors]
  const child = spawn(process.execPath, [CHILD], { stdio })
  let output = ''
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  return JSON.parse(output) as Record<string, HandedSocket[]>
}

describe('sockets that were handed over', () => {
  it('are told by where they listen; what is none is passed by, and so is what is for another process', async () => {
    const [four, six] = [await listening('127.0.0.1'), await listening('::1')]
    const { ofParent, own } = await found([four.descriptor, 2, six.descriptor])
    expect(own).toEqual([
      { ip: '127.0.0.1', port: four.port, descriptor: 3 },
      { ip: '::1', port: six.port, descriptor: 5 },
    ])
    expect(ofParent).toEqual([])
  })

  it('are listened on instead of what the configuration says, if it says their port', () => {
    const wanted = [{ ip: '0.0.0.0', port: 443 }]
    const handed = [{ ip: '::', port: 443, descriptor: 3 }]
    expect(listenPlaces(wanted, [])).toBe(wanted)
    expect(listenPlaces(wanted, handed)).toBe(handed)
    expect(() => listenPlaces([{ ip: '0.0.0.0', port: 444 }], handed)).toThrow(
      'was handed TCP port 443, but tcp_port is 444',
    )
  })
})
