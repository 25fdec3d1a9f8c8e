// SPDX-License-Identifier: Apache-2.0
/** Three etcd members on loopback, as Debian ships it: real consensus, real kills. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EtcdClient } from '../../agent/shell/authority/etcd-client.ts'
import type { EtcdAccess } from '../../agent/shell/state/etcd-config.ts'

export interface EtcdUrls {
  readonly name: string
  readonly client: string
  readonly peer: string
}

interface EtcdMember extends EtcdUrls {
  process: ChildProcess | undefined
}

/** Files of a member's TLS: clients are asked for a certificate of the same authority. */
export interface EtcdTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** How one member of a cluster is started; its data is in a directory of its name. */
export function etcdCommand(
  { name, client, peer }: EtcdUrls,
  cluster: readonly EtcdUrls[],
  directory: string,
  tls?: EtcdTls,
): [string, ...string[]] {
  const options = {
    ...(tls && { 'cert-file': tls.cert, 'key-file': tls.key, 'trusted-ca-file': tls.ca }),
    ...(tls && { 'client-cert-auth': 'true' }),
    name,
    'data-dir': join(directory, name),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': cluster.map((one) => `${one.name}=${one.peer}`).join(','),
    'heartbeat-interval': '100',
    'election-timeout': '1000',
  }
  return ['etcd', ...Object.entries(options).map(([key, value]) => `--${key}=${value}`)]
}

export class EtcdCluster {
  readonly #directory = mkdtempSync(join(tmpdir(), 'meshgate-etcd-'))
  readonly #members: readonly EtcdMember[]
  readonly #tls: EtcdTls | undefined

  private constructor(members: readonly EtcdMember[], tls: EtcdTls | undefined) {
    this.#members = members
    this.#tls = tls
  }

  /** `tls`: for the members, and for this process to look at them with. */
  static async start({
    size = 3,
    tls,
  }: {
    size?: number
    tls?: EtcdTls
  } = {}): Promise<EtcdCluster> {
    const members: EtcdMember[] = []
    for (const name of ['one', 'two', 'three'].slice(0, size)) {
      const client = await freeUrl(tls === undefined ? 'http' : 'https')
      members.push({ name, client, peer: await freeUrl('http'), process: undefined })
    }
    const cluster = new EtcdCluster(members, tls)
    for (const i of members.keys()) cluster.revive(i)
    await cluster.settled()
    return cluster
  }

  get endpoints(): string[] {
    return this.#members.map(({ client }) => client)
  }

  get access(): EtcdAccess {
    return { ...this.#tls, endpoints: this.endpoints }
  }

  /** Its data stays, as after a crash. */
  async kill(i: number): Promise<void> {
    const { process: running } = this.#members[i]!
    if (running === undefined || running.signalCode !== null || running.exitCode !== null) return
    const ended = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGKILL')
    await ended
  }

  revive(i: number): void {
    const member = this.#members[i]!
    const [program, ...words] = etcdCommand(member, this.#members, this.#directory, this.#tls)
    member.process = spawn(program, words, { stdio: 'ignore' })
  }

  /** Waits until a majority agrees on something. */
  async settled(deadlineMs = 20_000): Promise<void> {
    const client = new EtcdClient(this.access)
    const untilMs = performance.now() + deadlineMs
    for (;;) {
      const answer = await client.get('health').then(
        () => true,
        () => false,
      )
      if (answer) return
      if (performance.now() > untilMs) throw new Error('etcd finds no quorum')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  /** As if all disks were lost, as far as these keys go. */
  async forget(prefix: string): Promise<void> {
    const encode = (text: string) => Buffer.from(text).toString('base64')
    const after = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`
    const body = JSON.stringify({ key: encode(prefix), range_end: encode(after) })
    const url = `${this.endpoints[0]}/v3/kv/deleterange`
    const { status } = await fetch(url, { method: 'POST', body })
    if (status !== 200) throw new Error(`etcd answered ${status}`)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((_, i) => this.kill(i)))
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

async function freeUrl(protocol: 'http' | 'https'): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `${protocol}://127.0.0.1:${address.port}`
}
