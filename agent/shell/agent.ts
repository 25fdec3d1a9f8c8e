// SPDX-License-Identifier: Apache-2.0
/**
 * Puts a running agent together: state and configuration in, helper and gossip around the core's loop, the local API on
 * top. Ends when it is told to stop, or when the membership is given up.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { verifyRecord } from '../../topology/record-codec.ts'
import { verifySignal } from '../../topology/signal.ts'
import { meshTargets } from '../core/dial-targets.ts'
import type { Effect } from '../core/effect.ts'
import type { HelperHello } from '../core/helper-contract.ts'
import { isMeshAddress } from '../core/observe.ts'
import type { Node } from '../core/state.ts'
import { AgentService } from './agent-service.ts'
import { ApplyQueue } from './helper/apply-queue.ts'
import { type JoinDesk, openJoinDesk } from './authority/answer-join.ts'
import { delay, readClock } from './clock.ts'
import { readDefaultRoutes } from './router/default-gateway.ts'
import type { Config } from './state/config.ts'
import { startReadiness } from './readiness.ts'
import { Reloading } from './reloading.ts'
import { EventFeed } from './event-feed.ts'
import { agentChannels, type AgentChannels } from './channel/agent-channels.ts'
import { helperSocketPath } from './helper/launch-helper.ts'
import { type HelperClient, startHelperClient } from './helper/helper-client.ts'
import { startLocalApi } from './api/local-api.ts'
import type { Log } from './log.ts'
import { Loop } from './loop.ts'
import { settingsOf } from './node-config.ts'
import { nodeCrypto } from './node-crypto.ts'
import { openNode, summaryOf } from './open-node.ts'
import { perform } from './perform.ts'
import { PortMapper } from './router/port-mapper.ts'
import { SideSockets } from './side-sockets.ts'
import { RecordKeeper } from './state/record-keeper.ts'
import { StateDir } from './state/state-dir.ts'

import { startUnderlay } from './underlay/underlay.ts'
import type { Underlay } from './underlay/underlay-contract.ts'
import { VERSION } from './version.ts'

/** A router in the house answers within milliseconds; one that does not must not hold up the end. */
const RELEASE_MS = 500

export interface RunOptions {
  readonly stateDir: string
  readonly runDir: string
  readonly config: Config
  /** Reads the configuration file again. Throws Failure. */
  readonly readConfig: () => Config
  /** The helper is stopped after us. */
  readonly endsHelper: boolean
  readonly log: Log
}

/** Time for the last record to reach the neighbours. */
const FAREWELL_MS = 300

/** Runs until stopped; resolves to the exit code. */
export async function runAgent(options: RunOptions): Promise<number> {
  // What `ps` and `pgrep` show.
  process.title = 'meshgate-agent'
  const agent = await Agent.start(options)
  const readiness = startReadiness({ environment: process.env, status: () => agent.summary })
  const code = await agent.ended
  readiness.stop()
  return code
}

class Agent {
  readonly #options: RunOptions
  readonly #state: StateDir
  readonly #node: Node
  readonly #loop: Loop
  readonly #helper: HelperClient
  readonly #keeper: RecordKeeper
  readonly #feed = new EventFeed()
  readonly #done = Promise.withResolvers<number>()
  readonly #desk: JoinDesk | undefined
  readonly #ports: PortMapper
  readonly #channels: AgentChannels
  readonly #sideSockets = new SideSockets((socket, from, payload) =>
    this.#loop.dispatch({ kind: 'side-datagram', socket, from, payload }),
  )
  #underlay: Underlay | undefined
  #api: { close(): Promise<void> } | undefined

  static async start(options: RunOptions): Promise<Agent> {
    const agent = new Agent(options)
    await agent.#open()
    return agent
  }

  get summary(): string {
    return summaryOf(this.#node)
  }

  get ended(): Promise<number> {
    return this.#done.promise
  }

  private constructor(options: RunOptions) {
    this.#options = options
    this.#state = StateDir.open(options.stateDir)
    this.#node = openNode(this.#state, options.config)
    this.#loop = new Loop({
      node: this.#node,
      readClock,
      perform: (effect) => this.#perform(effect),
    })
    this.#ports = new PortMapper({
      findRoute: () => {
        const { interfaceName, isExcludedInterface } = this.#node.config
        return readDefaultRoutes((name) => name === interfaceName || isExcludedInterface(name)).ipv4
      },
      onEvent: (event) => this.#loop.dispatch(event),
    })
    this.#channels = agentChannels({
      node: this.#node,
      loop: this.#loop,
      signer: this.#node.powers.signer,
      helperSocket: helperSocketPath(options.runDir),
      log: options.log,
      signal: (to, bytes) => this.#underlay?.signal(to, bytes),
    })
    this.#keeper = new RecordKeeper({
      state: this.#state,
      self: this.#node.self,
      view: () => this.#node.view,
      log: options.log,
    })
    this.#desk = openJoinDesk(this.#state, this.#node.config.network, {
      view: () => this.#node.view,
      log: options.log,
    })
    this.#helper = startHelperClient({
      socketPath: helperSocketPath(options.runDir),
      client: `meshgate-agent ${VERSION}`,
      onConnected: (hello) => void this.#meetHelper(hello),
      onDisconnected: (fault) => {
        this.#loop.dispatch({ kind: 'helper-disconnected', reason: fault.message })
      },
      onEvent: (event) => this.#loop.dispatch({ kind: 'helper-event', event }),
    })
    this.#reloading = new Reloading({
      config: options.config,
      readConfig: options.readConfig,
      log: options.log,
      onChange: (changed) => {
        const settings = settingsOf(changed, this.#node.config.listenPort)
        this.#loop.dispatch({ kind: 'reconfigured', settings })
      },
    })
    this.#applyQueue = new ApplyQueue(this.#helper, (event) => this.#loop.dispatch(event))
  }

  readonly #applyQueue: ApplyQueue
  readonly #reloading: Reloading

  async #open(): Promise<void> {
    const { runDir, log } = this.#options
    mkdirSync(runDir, { recursive: true, mode: 0o755 })
    for (const bytes of this.#state.loadRecords()) this.#takeRecord(bytes, false)
    this.#loop.dispatch({ kind: 'tick' })
    this.#underlay = await this.#startUnderlay()
    this.#underlay.setTargets(this.#targets)
    this.#api = await startLocalApi({
      socketPath: join(runDir, 'agent.sock'),
      api: this.#service(),
    })
    process.on('SIGHUP', () => this.#reloading.reloadBySignal())
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void this.#end())
    }
    const { certificate, network, listenPort } = this.#node.config
    const { name, ipv4 } = certificate
    log.info({ name, network: network.name, address: ipv4, udpPort: listenPort }, 'agent runs')
  }

  #targets: Parameters<Underlay['setTargets']>[0] = []

  #startUnderlay(): Promise<Underlay> {
    const { config, log } = this.#options
    const { network, dialPort } = this.#node.config
    const desk = this.#desk
    return startUnderlay({
      self: this.#node.self,
      seed: this.#state.loadOrMakeKeys().seed,
      network: network.id,
      presharedKey: network.presharedKey,
      listen: config.listenAddresses.map((ip) => ({ ip, port: dialPort })),
      isMeshAddress: (ip) => isMeshAddress(this.#node, ip),
      meshTargets: () => meshTargets(this.#node),
      verify: (bytes) => verifyRecord(bytes, network, nodeCrypto, readClock().wall),
      verifySignal: (bytes) => verifySignal(bytes, network.id, nodeCrypto, readClock().wall),
      isMember: (node) => {
        const until = this.#node.peers.get(node)?.record.certificate.notAfter
        return until !== undefined && until > readClock().wall
      },
      view: () => this.#node.view,
      ownRecord: () => this.#node.own?.envelope.bytes ?? new Uint8Array(),
      ...(desk === undefined ? {} : { answerJoin: (request) => desk.answer(request) }),
      onEvent: (event) => {
        if (event.kind === 'record') this.#takeRecord(event.bytes, true)
        else if (event.kind === 'signal') this.#channels.takeSignal(event.signal)
        else this.#loop.dispatch(event)
      },
      log,
    })
  }

  async #meetHelper(hello: HelperHello): Promise<void> {
    const state = await this.#helper.state()
    if (state.ok) this.#loop.dispatch({ kind: 'helper-connected', hello, state: state.value })
    else this.#loop.dispatch({ kind: 'helper-disconnected', reason: state.fault.message })
  }

  #takeRecord(bytes: Uint8Array, heard: boolean): void {
    const record = verifyRecord(bytes, this.#node.config.network, nodeCrypto, readClock().wall)
    if (!record.ok) return
    this.#loop.dispatch({ kind: 'record', record: record.value, envelope: { bytes }, heard })
  }

  #perform(effect: Effect): void {
    perform(effect, {
      helper: this.#helper,
      applyQueue: this.#applyQueue,
      gossip: {
        publish: (envelope) => this.#underlay?.publish(envelope.bytes),
        setTargets: (targets) => {
          this.#targets = targets
          this.#underlay?.setTargets(targets)
        },
      },
      gateway: this.#ports,
      sideSockets: this.#sideSockets,
      channels: this.#channels,
      keepRecord: (node, envelope) => this.#keeper.keep(node, envelope),
      tellFollowers: (entry) => this.#feed.push(entry),
      log: this.#options.log,
    })
  }

  #service(): AgentService {
    return new AgentService({
      node: this.#node,
      loop: this.#loop,
      helper: this.#helper,
      readClock,
      feed: this.#feed,
      onReload: () => this.#reloading.reload(),
      onLeave: () => this.#leave(),
      onStop: () => void this.#stop(0),
    })
  }

  async #leave(): Promise<void> {
    this.#loop.dispatch({ kind: 'leave' })
    // The answer must reach the caller before the socket goes.
    await Promise.all([delay(FAREWELL_MS), this.#ports.settle(RELEASE_MS)])
    this.#keeper.drop()
    await this.#helper.apply({ device: null, routes: [], peers: [] })
    this.#state.leave()
    setTimeout(() => void this.#stop(0), FAREWELL_MS)
  }

  async #end(): Promise<void> {
    if (this.#options.endsHelper) {
      // What the router forwards would lead nowhere.
      this.#loop.dispatch({ kind: 'release-ports' })
      await this.#ports.settle(RELEASE_MS)
    }
    await this.#stop(0)
  }

  async #stop(code: number): Promise<void> {
    this.#loop.close()
    if (this.#state.loadMembership() !== undefined) this.#keeper.flush()
    this.#ports.close()
    this.#channels.stop()
    this.#sideSockets.close()
    this.#helper.close()
    await this.#api?.close()
    await this.#underlay?.close()
    this.#desk?.close()
    this.#done.resolve(code)
  }
}
