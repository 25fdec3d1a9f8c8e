// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { HostProcess } from './host-process.ts'
import type { ExecResult, LabHost } from './lab-host.ts'

/** The built product, as an operator has it. The lab drives it through its commands only. */
const MESHGATE = fileURLToPath(new URL('../bin/meshgate', import.meta.url))

/** The part of `meshgate status --json` that scenarios read. */
export interface MemberStatus {
  readonly self: {
    readonly name: string
    readonly nodeId: string
    readonly addresses: readonly string[]
    readonly nat: {
      readonly mapping: string
      readonly filtering: string
      readonly lifetimeMs: number | null
      readonly mapped: readonly string[]
    }
    readonly listenPort: number
    readonly tags: readonly string[]
    readonly membership: string
    readonly twinSince: string | null
    readonly clock: { readonly offMs: number; readonly sentence: string } | null
    readonly authorityQuorum: {
      readonly quorum: boolean
      readonly leader: string | null
      readonly members: readonly { readonly healthy: boolean }[]
    } | null
    readonly partition: { readonly quorumLost: boolean; readonly sentence: string } | null
    readonly certificateNotAfter: string
    readonly helper: {
      readonly connected: boolean
      readonly restored: boolean | null
      readonly problem: string | null
      readonly engine: string | null
      readonly engineReason: string | null
    }
    readonly neighbours: readonly string[]
  }
  readonly peers: readonly MemberPeer[]
}

export interface MemberPath {
  readonly kind: string
  readonly via: string | null
  readonly hubServer: string | null
  readonly endpoint: string | null
  readonly rttMs: number | null
}

export interface MemberPeer {
  readonly name: string
  readonly nodeId: string
  readonly addresses: readonly string[]
  readonly tags: readonly string[]
  readonly liveness: string
  readonly hub: boolean
  readonly path: MemberPath
  readonly backups: readonly MemberPath[]
  readonly lastSwitch: { readonly to: string | null } | null
  readonly mtu: number
  readonly why: string
}

/** A lab host on which meshgate runs. */
export class Member {
  readonly host: LabHost
  readonly stateDir: string
  #run: HostProcess | undefined
  #configFile: string | undefined
  #environment: readonly string[] = []
  #around = (command: readonly string[]): readonly string[] => command

  constructor(host: LabHost) {
    this.host = host
    this.stateDir = `${host.stateDir}/meshgate`
  }

  get name(): string {
    return this.host.name
  }

  /** Gives the host a configuration file, as TOML text, that every later command reads. */
  async configure(toml: string): Promise<void> {
    this.#configFile = `${this.host.stateDir}/config.toml`
    await writeFile(this.#configFile, toml)
  }

  /** Variables of commands and agent from now on, and of the helper that the agent brings. */
  setEnvironment(variables: Readonly<Record<string, string>>): void {
    const assigned = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
    this.#environment = ['env', ...assigned]
  }

  /** Has the agent, and the helper that it brings, started by these words around its command. */
  runsInside(around: (command: readonly string[]) => readonly string[]): void {
    this.#around = around
  }

  #words(command: readonly string[]): string[] {
    const config = this.#configFile === undefined ? [] : ['--config', this.#configFile]
    return [...this.#environment, MESHGATE, '--state-dir', this.stateDir, ...config, ...command]
  }

  /** Runs a command to its end, whatever its exit code. */
  async try(command: readonly string[], options: { input?: string } = {}): Promise<ExecResult> {
    return this.host.exec(this.#words(command), options)
  }

  /** Runs a command that must succeed; returns what it printed. */
  async do(command: readonly string[], options: { input?: string } = {}): Promise<string> {
    return this.host.run(this.#words(command), options)
  }

  async json<T>(command: readonly string[]): Promise<T> {
    return JSON.parse(await this.do(['--json', ...command])) as T
  }

  /** Makes a network with this host as its first member. */
  async init(...options: readonly string[]): Promise<void> {
    await this.do(['init', '--name', this.name, '--network', 'lab', ...options])
  }

  async createToken(...options: readonly string[]): Promise<string> {
    return (await this.do(['token', 'create', ...options])).trim()
  }

  async join(token: string, ...options: readonly string[]): Promise<void> {
    await this.do(['join', token, '--name', this.name, ...options])
  }

  /** Starts helper and agent, and does not wait for anything. */
  start(...options: readonly string[]): HostProcess {
    const command = this.#around(this.#words([...options, 'run']))
    this.#run = this.host.spawn(command, { log: 'meshgate.log' })
    return this.#run
  }

  /** Starts, and waits until the local API answers. */
  async run(...options: readonly string[]): Promise<void> {
    const process = this.start(...options)
    await this.host.waitFor(
      async () => {
        if (!process.isRunning) throw new Error(await process.output())
        return (await this.try(['--json', 'status'])).code === 0
      },
      { deadlineMs: 20_000, what: 'meshgate runs' },
    )
  }

  /** The same by its log: asking for its status again and again would take from the agent what it needs to come up. */
  async runQuietly(): Promise<void> {
    const process = this.start()
    const before = (await process.output()).length
    const runs = async () => {
      const output = await process.output()
      if (!process.isRunning) throw new Error(output.slice(before))
      return output.includes('"agent runs"', before)
    }
    await this.host.waitFor(runs, { deadlineMs: 60_000, what: 'meshgate runs', pollMs: 100 })
  }

  get process(): HostProcess {
    if (this.#run === undefined) throw new Error(`${this.name}: meshgate was not started`)
    return this.#run
  }

  async status(): Promise<MemberStatus> {
    return this.json<MemberStatus>(['status'])
  }

  /** The same from the same socket, without the second of a core that a command takes. */
  async peek(): Promise<MemberStatus> {
    const words = ['curl', '-sS', '--fail', '--max-time', '20', '--unix-socket']
    const text = await this.host.run([
      ...words,
      '/run/meshgate/agent.sock',
      'http://agent/v1/status',
    ])
    return JSON.parse(text) as MemberStatus
  }

  /** What the agent remembers to have happened, oldest first. */
  async events(): Promise<readonly { readonly kind: string; readonly time: string }[]> {
    return this.json(['events'])
  }

  async peer(name: string): Promise<MemberPeer> {
    return peerOf(await this.status(), this.name, name)
  }

  /** Waits until a path of this kind to the peer is up. What asks again and again must not take from the agent what it needs for that. */
  async reaches(name: string, kind = 'direct', deadlineMs = 20_000): Promise<MemberPeer> {
    return this.host.waitFor(
      async () => {
        const peer = peerOf(await this.peek(), this.name, name)
        if (peer.path.kind !== kind) throw new Error(`path is ${peer.path.kind}: ${peer.why}`)
        return peer
      },
      { deadlineMs, what: `${kind} path to ${name}`, pollMs: 200 },
    )
  }

  /** The address, usually one in the mesh, answers the first ping. `options` are ping's. */
  async pings(address: string, ...options: readonly string[]): Promise<void> {
    await this.host.run(['ping', '-c', '1', '-W', '2', ...options, address])
  }

  /** The log of helper and agent, one JSON object a line. */
  async log(): Promise<readonly Record<string, unknown>[]> {
    const text = await this.process.output()
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>]
      } catch {
        return []
      }
    })
  }

  async stop(): Promise<number> {
    return this.process.stop()
  }
}

function peerOf({ peers }: MemberStatus, self: string, name: string): MemberPeer {
  const peer = peers.find((one) => one.name === name)
  if (peer === undefined) throw new Error(`${self} knows no ${name}`)
  return peer
}
