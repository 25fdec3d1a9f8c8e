// SPDX-License-Identifier: Apache-2.0
/**
 * Puts a running agent together: state and configuration in, helper and gossip around the core's loop, the local API on
 * top. Ends when it is told to stop, or when the membership is given up.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Question, Told } from '../../topology/ask-frame.ts'
import type { NodeId } from '../../topology/identity.ts'
import { recordNode, verifyKeptRecord, verifyRecord } from '../../topology/record-codec.ts'
import type { Effect } from '../core/effect.ts'
import type { HelperHello } from '../core/helper-hello.ts'
import type { Node } from '../core/state.ts'
import { judgeRecord, startAgentUnderlay } from './agent-underlay.ts'
import { AgentEnd, FAREWELL_MS, START_ANEW } from './agent-end.ts'
import { AgentService } from './agent-service.ts'
import { ApplyQueue } from './helper/apply-queue.ts'
import { type JoinDesk, openJoinDesk } from './authority/answer-join.ts'
import { readClock } from './clock.ts'
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
import { agentMeshSocket, type MeshSocket } from './mesh-socket.ts'
import { MembershipKeeper } from './membership-keeper.ts'
import { settingsOf } from './node-config.ts'
import { openNode, summaryOf } from './open-node.ts'
import { perform } from './perform.ts'
import { agentPorts } from './router/agent-ports.ts'
import type { PortMapper } from './router/port-mapper.ts'
import { SideSockets } from './side-sockets.ts'
import { RecordKeeper } from './state/record-keeper.ts'
import { StateDir } from './state/state-dir.ts'
import { type AgentTraces, startAgentTraces } from './telemetry/agent-traces.ts'
import { NO_COUNTS } from './underlay/control-lanes.ts'
import type { Underlay } from './underlay/underlay-contract.ts'
import { VERSION } from './version.ts'

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

/** Runs until stopped; resolves to the exit code. */
export async function runAgent(options: RunOptions): Promise<number> {
  // What `ps` and `pgrep` show.
  process.title = 'meshgate-agent'
  for (;;) {
    const code = await Agent.run(options)
    if (code !== START_ANEW) return code
  }
}

class Agent {
  readonly #options: RunOptions
  readonly #state: StateDir
  readonly #node: Node
  readonly #loop: Loop
  readonly #helper: HelperClient
  readonly #keeper: RecordKeeper
  readonly #feed = new EventFeed()
  readonly #desk: JoinDesk | undefined
  readonly #ports: PortMapper
  readonly #channels: AgentChannels
  readonly #sideSockets = new SideSockets((socket, from, payload) =>
    this.#loop.dispatch({ kind: 'side-datagram', socket, from, payload }),
  )
  readonly #membership: MembershipKeeper
  readonly #meshSocket: MeshSocket
  readonly #end: AgentEnd
  #underlay: Underlay | undefined
  #api: { close(): Promise<void> } | undefined
  #traces: AgentTraces | undefined
  #page: { close(): Promise<void> } | undefined

  /** Resolves to the exit code. */
  static async run(options: RunOptions): Promise<number> {
    const agent = new Agent(options)
    await agent.#open()
    const readiness = startReadiness({
      environment: process.env,
      status: () => summaryOf(agent.#node),
    })
    const code = await agent.#end.done
    readiness.stop()
    return code
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
    this.#ports = agentPorts(this.#node, this.#loop)
    this.#channels = agentChannels({
      node: this.#node,
      loop: this.#loop,
      signer: this.#node.powers.signer,
      helperSocket: helperSocketPath(options.runDir),
      log: options.log,
      signal: (to, bytes) => this.#underlay?.signal(to, bytes),
    })
    const view = () => this.#node.view
    const { log, config } = options
    this.#keeper = new RecordKeeper({ state: this.#state, self: this.#node.self, view, log })
    this.#desk = openJoinDesk(this.#state, this.#node, { etcd: config.authorityEtcd, log })
    const [state, node, loop, desk] = [this.#state, this.#node, this.#loop, this.#desk]
    const underlay = () => this.#underlay
    this.#membership = new MembershipKeeper({ state, node, loop, desk, underlay, log: options.log })
    this.#meshSocket = agentMeshSocket(this.#node, this.#loop)
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
    this.#end = new AgentEnd({
      node,
      loop,
      state,
      helper: this.#helper,
      ports: this.#ports,
      keeper: this.#keeper,
      membership: this.#membership,
      deliver: async (bytes, ms) => (await this.#underlay?.deliver(bytes, ms)) ?? false,
      endsHelper: options.endsHelper,
      close: () => this.#close(),
    })
  }

  readonly #applyQueue: ApplyQueue
  readonly #reloading: Reloading
  readonly #onHangUp = () => this.#reloading.reloadBySignal()

  async #open(): Promise<void> {
    const { runDir, log } = this.#options
    mkdirSync(runDir, { recursive: true, mode: 0o755 })
    // Read first: the first step writes what the view then holds.
    const records = this.#state.loadRecords()
    this.#membership.load()
    const { otlpEndpoint: endpoint } = this.#options.config
    this.#traces = startAgentTraces({ endpoint, node: this.#node, feed: this.#feed, log })
    // Our own comes first, or the first step would say something else in its place.
    const isOwn = (bytes: Uint8Array) => recordNode(bytes) === this.#node.self
    for (const bytes of [...records.filter(isOwn), ...records.filter((one) => !isOwn(one))])
      this.#takeRecord(bytes, { heard: false })
    this.#loop.dispatch({ kind: 'tick' })
    this.#underlay = await this.#startUnderlay()
    this.#underlay.setTargets(this.#targets)
    await this.#membership.announce()
    const api = this.#service()
    this.#page = api
    this.#api = await startLocalApi({
      socketPath: join(runDir, 'agent.sock'),
      api,
      metricsPort: this.#options.config.metricsPort,
    })
    process.on('SIGHUP', this.#onHangUp)
    this.#end.obeySignals()
    this.#membership.watch()
    this.#meshSocket.open()
    const { certificate, network, listenPort: udpPort } = this.#node.config
    const { name, ipv4: address } = certificate
    log.info({ name, network: network.name, address, udpPort }, 'agent runs')
  }

  #targets: Parameters<Underlay['setTargets']>[0] = []

  #startUnderlay(): Promise<Underlay> {
    const { config, log } = this.#options
    return startAgentUnderlay({
      node: this.#node,
      seed: this.#state.loadOrMakeKeys().seed,
      listenAddresses: config.listenAddresses,
      desk: this.#desk,
      onEvent: (event) => {
        if (event.kind === 'record') this.#takeRecord(event.bytes, { heard: true })
        else if (event.kind === 'signal') this.#channels.takeSignal(event.signal)
        else if (event.kind === 'notice') this.#membership.take(event.bytes)
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

  #takeRecord(bytes: Uint8Array, { heard }: { readonly heard: boolean }): void {
    const record = judgeRecord(this.#node, bytes, heard ? verifyRecord : verifyKeptRecord)
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
        ask: (to, question) => this.#ask(to, question),
        // The revoked one hears why over the link that is about to go.
        hangUp: (node) => setTimeout(() => this.#underlay?.hangUp(node), FAREWELL_MS),
      },
      gateway: this.#ports,
      sideSockets: this.#sideSockets,
      channels: this.#channels,
      membership: this.#membership,
      meshSocket: this.#meshSocket,
      dispatch: (event) => this.#loop.dispatch(event),
      keepRecord: (node, envelope) => this.#keeper.keep(node, envelope),
      tellFollowers: (entry) => this.#feed.push(entry),
      log: this.#options.log,
    })
  }

  async #ask(to: NodeId, question: Question): Promise<Told> {
    return (await this.#underlay?.ask(to, question)) ?? { kind: 'fault', fault: 'unreached' }
  }

  #service(): AgentService {
    return new AgentService({
      node: this.#node,
      loop: this.#loop,
      helper: this.#helper,
      state: this.#state,
      config: this.#options.config,
      joinDesk: this.#desk,
      readClock,
      feed: this.#feed,
      ask: (to, question) => this.#ask(to, question),
      controlCounts: () => this.#underlay?.controlCounts() ?? NO_COUNTS,
      onReload: () => this.#reloading.reload(),
      onNotice: (bytes) => this.#membership.spread(bytes),
      onRotate: () => this.#end.rotate(),
      onLeave: () => this.#end.leave(),
      beforeHelperEnds: () => this.#end.handOver(),
      onStop: () => void this.#end.stop(0),
    })
  }

  async #close(): Promise<void> {
    process.off('SIGHUP', this.#onHangUp)
    this.#membership.close()
    this.#meshSocket.close()
    this.#ports.close()
    this.#channels.stop()
    this.#sideSockets.close()
    this.#helper.close()
    await this.#page?.close()
    await this.#api?.close()
    await this.#underlay?.close()
    this.#desk?.close()
    await this.#traces?.close()
  }
}
