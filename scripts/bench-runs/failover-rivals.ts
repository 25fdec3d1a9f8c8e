// SPDX-License-Identifier: Apache-2.0
/** Debian's nebula and tinc, as their manuals set them up: a public host introduces and relays. */
import { mkdir, writeFile } from 'node:fs/promises'
import type { HostProcess } from '../../netns-lab/host-process.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'

export interface Node {
  readonly host: LabHost
  /** In the tunnel. The first node is the hub. */
  readonly address: string
}

/** A program that is set up on nodes, and runs on all of them. */
export interface Rival {
  /** Where it listens on each of them. */
  readonly port: number
  /** Starts a node anew. It uses no way over the hub until it is armed, where a direct one would not be tried then. */
  restart(node: Node): Promise<void>
  arm(node: Node): Promise<void>
}

export const RIVALS = { nebula: setUpNebula, tinc: setUpTinc } as const

/** Interfaces of others' tunnels, over which none is to go. */
const NEBULA_DEVICE = 'nebula0'
const TINC_DEVICE = 'tinc0'
const OTHERS = { meshgate0: false, [TINC_DEVICE]: false }

async function setUpNebula(nodes: readonly Node[]): Promise<Rival> {
  const port = 4242
  const [hub] = nodes
  const { address: hubAddress, stateDir } = hub!.host
  const authority = ['-ca-crt', `${stateDir}/ca.crt`, '-ca-key', `${stateDir}/ca.key`]
  const caFiles = ['-out-crt', `${stateDir}/ca.crt`, '-out-key', `${stateDir}/ca.key`]
  await hub!.host.run(['nebula-cert', 'ca', '-name', 'lab', ...caFiles])
  const ca = await hub!.host.run(['cat', `${stateDir}/ca.crt`])

  const certify = async ({ host, address }: Node) => {
    const files = [`${stateDir}/${host.name}.crt`, `${stateDir}/${host.name}.key`] as const
    const words = ['-name', host.name, '-ip', `${address}/16`, '-out-crt', files[0]]
    await hub!.host.run(['nebula-cert', 'sign', ...authority, ...words, '-out-key', files[1]])
    const [cert, key] = await Promise.all(files.map((file) => hub!.host.run(['cat', file])))
    return { ca, cert, key }
  }
  const identities = new Map<LabHost, Awaited<ReturnType<typeof certify>>>()
  for (const node of nodes) identities.set(node.host, await certify(node))

  const write = ({ host }: Node, relays: readonly string[]) => {
    const isHub = host === hub!.host
    const config = {
      pki: identities.get(host),
      static_host_map: isHub ? {} : { [hub!.address]: [`${hubAddress}:${port}`] },
      lighthouse: {
        am_lighthouse: isHub,
        hosts: isHub ? [] : [hub!.address],
        local_allow_list: { interfaces: OTHERS },
      },
      listen: { host: '0.0.0.0', port },
      punchy: { punch: true, respond: true },
      relay: { am_relay: isHub, use_relays: true, relays },
      tun: { dev: NEBULA_DEVICE },
      firewall: {
        outbound: [{ port: 'any', proto: 'any', host: 'any' }],
        inbound: [{ port: 'any', proto: 'any', host: 'any' }],
      },
    }
    // JSON is YAML.
    return writeFile(`${host.stateDir}/nebula.yml`, JSON.stringify(config))
  }
  const running = new Map<LabHost, HostProcess>()
  const restart = async (node: Node) => {
    const { host } = node
    await running.get(host)?.stop()
    await write(node, [])
    const words = ['nebula', '-config', `${host.stateDir}/nebula.yml`]
    running.set(host, host.spawn(words, { log: 'nebula.log' }))
  }
  // One that knows a relay from the start takes that before a hole is punched, and keeps it: no direct path is there to be cut.
  const arm = async (node: Node) => {
    await write(node, [hub!.address])
    running.get(node.host)?.kill('SIGHUP')
  }
  for (const node of nodes) await restart(node)
  return { port, restart, arm }
}

/** Its nodes find each other by what the hub sees of them, and every node that is connected to two others passes packets on. */
async function setUpTinc(nodes: readonly Node[]): Promise<Rival> {
  const [hub] = nodes
  const directory = ({ host }: Node) => `${host.stateDir}/tinc`
  const described: { readonly name: string; readonly text: string }[] = []
  for (const node of nodes) {
    const { host, address } = node
    const isHub = node === hub
    await mkdir(`${directory(node)}/hosts`, { recursive: true })
    const settings = `Name = ${host.name}\nInterface = ${TINC_DEVICE}\n`
    const connect = isHub ? '' : `ConnectTo = ${hub!.host.name}\n`
    await writeFile(`${directory(node)}/tinc.conf`, `${settings}${connect}`)
    const up = `#!/bin/sh\nip link set ${TINC_DEVICE} up\nip addr add ${address}/16 dev ${TINC_DEVICE}\n`
    await writeFile(`${directory(node)}/tinc-up`, up, { mode: 0o755 })
    const own = `${directory(node)}/hosts/${host.name}`
    await writeFile(own, `${isHub ? `Address = ${host.address}\n` : ''}Subnet = ${address}/32\n`)
    await host.run(['tincd', '-c', directory(node), '-K', '2048'], { input: '\n\n' })
    described.push({ name: host.name, text: await host.run(['cat', own]) })
  }
  const running = new Map<LabHost, HostProcess>()
  const restart = async (node: Node) => {
    const { host } = node
    await running.get(host)?.stop()
    const words = ['-c', directory(node), '-D', `--pidfile=${host.stateDir}/tinc.pid`]
    running.set(host, host.spawn(['tincd', ...words], { log: 'tinc.log' }))
  }
  for (const node of nodes) {
    for (const { name, text } of described)
      await writeFile(`${directory(node)}/hosts/${name}`, text)
    await restart(node)
  }
  return { port: 655, restart, arm: async () => undefined }
}
