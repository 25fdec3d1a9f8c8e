// SPDX-License-Identifier: Apache-2.0
/** The running node's answers to the local API. */
import type { Result } from '../../nat/result.ts'
import type { Question, Told } from '../../topology/ask-frame.ts'
import type { Certificate } from '../../topology/certificate.ts'
import type { NodeId } from '../../topology/identity.ts'
import { policyOf } from '../../topology/notice.ts'
import type { Policy } from '../../topology/policy.ts'
import type { Now } from '../../nat/clock.ts'
import type { EventEntry } from '../core/event-log.ts'
import { servesRelay } from '../core/hubs.ts'
import { peerByName } from '../core/peer-names.ts'
import type { Node, Peer } from '../core/state.ts'
import { pathStatusOf } from '../core/path-status.ts'
import { isSurveying } from '../core/nat-survey.ts'
import type { FullNetcheck } from '../core/netcheck.ts'
import { netcheckOf, tcpTargets } from '../core/netcheck-report.ts'
import { statusOf } from '../core/status-report.ts'
import type { Status, Why } from '../core/status.ts'
import { planOf } from '../core/want.ts'
import { fromBoth } from '../core/why-from-both.ts'
import { whyReport } from '../core/why-report.ts'
import type {
  AgentApi,
  Left,
  PageLink,
  PingOutcome,
  Reloaded,
  RotationOutcome,
} from './api/agent-api.ts'
import type { AdminDesk } from './authority/admin-desk.ts'
import { agentDesk } from './authority/agent-desk.ts'
import type { JoinDesk } from './authority/answer-join.ts'
import { delay } from './clock.ts'
import { AgentPage } from './dashboard/agent-page.ts'
import { drain, type HubReport, hubReport } from './draining.ts'
import type { EventFeed } from './event-feed.ts'
import { Failure } from './failure.ts'
import type { HelperClient } from './helper/helper-client.ts'
import type { Loop } from './loop.ts'
import type { ControlCounts } from './underlay/control-lanes.ts'
import type { Config } from './state/config.ts'
import type { StateDir } from './state/state-dir.ts'
import { reachTcp } from './tcp-reach.ts'
import { metricsText } from './telemetry/metrics.ts'
import { type Sample, SAMPLE_MS, SampleHistory } from './telemetry/sample-history.ts'
import { VERSION } from './version.ts'

/** Time for paths and routers to answer again. */
const RECHECK_MS = 1_500

const RECHECK_POLL_MS = 100
/** Longer than STUN's retransmissions: a network that has come to block UDP shows by silence alone. */
const SURVEY_MS_MAX = 8_000

const ANSWER_MS = 100

export interface AgentServiceOptions {
  readonly node: Node
  readonly loop: Loop
  readonly helper: HelperClient
  readonly readClock: () => Now
  readonly feed: EventFeed
  readonly state: StateDir
  readonly config: Config
  /** Undefined where the network's key is not. */
  readonly joinDesk: JoinDesk | undefined
  readonly ask: (to: NodeId, question: Question) => Promise<Told>
  controlCounts(): ControlCounts
  readonly onReload: () => Reloaded
  /** False for what is not the authority's word. */
  readonly onNotice: (bytes: Uint8Array) => boolean
  readonly onRotate: () => Promise<Result<Certificate>>
  readonly onLeave: () => Promise<boolean>
  readonly beforeHelperEnds: () => Promise<void>
  readonly onStop: () => void
}

export class AgentService implements AgentApi {
  readonly #options: AgentServiceOptions

  readonly #history = new SampleHistory()

  readonly #desk: AdminDesk | undefined

  readonly #page: AgentPage

  constructor(options: AgentServiceOptions) {
    this.#options = options
    const { node, state, config, joinDesk: join, onNotice: spread } = options
    this.#desk = agentDesk({ join, node, state, config, spread })
    const { dashboard: allowed, dashboardPort: port } = config
    this.#page = new AgentPage({ api: this, allowed, port, isHub: () => servesRelay(node) })
    const sample = () => this.#history.take(statusOf(options.node, options.readClock()).peers)
    setInterval(sample, SAMPLE_MS).unref()
  }

  async status(): Promise<Status> {
    return statusOf(this.#options.node, this.#options.readClock())
  }

  async plan(): Promise<unknown> {
    return planOf(this.#options.node, this.#options.readClock())
  }

  async netcheck({ refresh }: { readonly refresh: boolean }): Promise<FullNetcheck> {
    const { node, loop } = this.#options
    const trying = reachTcp(tcpTargets(node))
    if (refresh) {
      loop.dispatch({ kind: 'recheck' })
      await delay(RECHECK_MS)
      // What a NAT keeps out shows by silence, which takes its time.
      for (let waited = 0; isSurveying(node) && waited < SURVEY_MS_MAX; waited += RECHECK_POLL_MS)
        await delay(RECHECK_POLL_MS)
    }
    const tcp = await trying
    const on443 = tcp.filter(({ address }) => address.endsWith(':443'))
    const tcp443 = on443.length === 0 ? null : on443.some(({ rttMs }) => rttMs !== null)
    return { ...netcheckOf(node), tcp, tcp443 }
  }

  async ping(name: string): Promise<PingOutcome> {
    const { node, helper } = this.#options
    const peer = peerByName(node, name)
    if (peer === undefined) {
      const message = `no other member is called ${name}`
      return { ok: false, fault: 'no-such-peer', message }
    }
    const answer = await helper.echo({ peer: peer.helperName })
    if (answer.ok) {
      const path = pathStatusOf(node, peer, answer.value.path)
      return { ok: true, reply: { rttMs: answer.value.rttUs / 1000, path } }
    }
    if (answer.fault.kind === 'disconnected') {
      return { ok: false, fault: 'no-helper', message: answer.fault.message }
    }
    return { ok: false, fault: 'no-reply', message: this.#whySilent(peer) }
  }

  async why(name: string): Promise<Why | undefined> {
    const { node, readClock, ask } = this.#options
    const peer = peerByName(node, name)
    if (peer === undefined) return undefined
    // First, so that the answer stands beside what is known then.
    const told = await ask(peer.node, { kind: 'why' })
    return fromBoth(whyReport(node, peer, readClock()), told)
  }

  async events(): Promise<readonly EventEntry[]> {
    return this.#options.node.events.entries
  }

  followEvents(gone: AbortSignal): AsyncGenerator<EventEntry> {
    return this.#options.feed.follow(this.#options.node.events.entries, gone)
  }

  async metrics(): Promise<string> {
    const { node, readClock, helper } = this.#options
    const state = await helper.state()
    return metricsText({
      relayed: state.ok ? state.value.relayed : null,
      status: await this.status(),
      eventCounts: node.events.counts,
      control: this.#options.controlCounts(),
      samplesOf: (nodeId) => this.#history.of(nodeId),
      version: VERSION,
      residentBytes: process.memoryUsage.rss(),
      now: readClock().wall,
    })
  }

  async history(name: string): Promise<readonly Sample[] | undefined> {
    const peer = peerByName(this.#options.node, name)
    return peer && this.#history.of(peer.node)
  }

  async reload(): Promise<Reloaded> {
    return this.#options.onReload()
  }

  drain(draining: boolean): Promise<HubReport> {
    return drain(this.#options, draining)
  }

  hub(): Promise<HubReport> {
    return hubReport(this.#options)
  }

  async policy(): Promise<{ readonly policy: Policy | null }> {
    return { policy: policyOf(this.#options.node.notices) ?? null }
  }

  desk(): AdminDesk {
    const desk = this.#desk
    if (desk !== undefined) return desk
    throw new Failure('no-authority', "this host does not hold the network's key", {
      remedy: 'ask on the host on which `meshgate init` made the network',
    })
  }

  dashboard(): Promise<PageLink> {
    return this.#page.link()
  }

  close(): Promise<void> {
    return this.#page.close()
  }

  async announce(notice: Uint8Array): Promise<boolean> {
    return this.#options.onNotice(notice)
  }

  async rotate(): Promise<RotationOutcome> {
    const rotated = await this.#options.onRotate()
    if (!rotated.ok) return { ok: false, message: rotated.error }
    const { node, serial } = rotated.value
    return { ok: true, nodeId: node, serial }
  }

  async leave(): Promise<Left> {
    return { toldOthers: await this.#options.onLeave() }
  }

  async stop({ helper }: { readonly helper: boolean }): Promise<void> {
    if (helper) await this.#options.beforeHelperEnds()
    // The answer must reach the caller before the socket goes.
    void delay(ANSWER_MS).then(this.#options.onStop)
  }

  #whySilent(peer: Peer): string {
    const status = statusOf(this.#options.node, this.#options.readClock())
    const why = status.peers.find((other) => other.nodeId === peer.node)?.why ?? ''
    return `no reply from ${peer.record.certificate.name}: ${why}`
  }
}
