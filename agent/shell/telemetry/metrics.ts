// SPDX-License-Identifier: Apache-2.0
/**
 * What Prometheus is told: everything is read from the status at the moment of asking, so nothing is counted twice and
 * nothing has to be registered. The text format is version 0.0.4.
 */
import type { HelperRelayed } from '../../core/helper-contract.ts'
import type { PeerStatus, Status } from '../../core/status.ts'
import { PRIORITIES } from '../../../topology/control-queue.ts'
import type { ControlCounts } from '../underlay/control-lanes.ts'
import { quantile, type Sample } from './sample-history.ts'

type Labels = Readonly<Record<string, string>>
type Value = readonly [labels: Labels, value: number | null | undefined]

interface Metric {
  readonly name: string
  readonly kind: 'gauge' | 'counter'
  readonly help: string
  readonly values: readonly Value[]
}

export interface Measured {
  readonly status: Status
  readonly eventCounts: ReadonlyMap<string, number>
  readonly samplesOf: (nodeId: string) => readonly Sample[]
  readonly control: ControlCounts
  /** What this host passed on as a hub since the helper's start; null without a helper. */
  readonly relayed: HelperRelayed | null
  readonly version: string
  readonly residentBytes: number
  /** Unix milliseconds. */
  readonly now: number
}

const PATH_KINDS = ['none', 'direct', 'relay', 'turn', 'channel'] as const
const LIVENESS = ['alive', 'suspect', 'failed', 'left', 'unknown'] as const

export function metricsText(measured: Measured): string {
  return `${metricsOf(measured).map(textOf).join('\n')}\n`
}

export function metricsOf(measured: Measured): Metric[] {
  return [
    ...hostMetrics(measured),
    ...relayMetrics(measured),
    ...controlMetrics(measured),
    ...peerMetrics(measured),
  ]
}

function hostMetrics({ status, eventCounts, version, residentBytes, now }: Measured): Metric[] {
  const { self, peers } = status
  const count = (is: (peer: PeerStatus) => boolean) => peers.filter(is).length
  const reached = count(({ path }) => path.kind !== 'none')
  const direct = count(({ path }) => path.kind === 'direct')
  const { mapping, filtering, portMapping } = self.nat
  const secondsLeft = (Date.parse(self.certificateNotAfter) - now) / 1_000
  return [
    gauge('info', 'Version, network and engine; always 1.', [
      [{ version, network: self.network, name: self.name, engine: self.helper.engine ?? '' }, 1],
    ]),
    gauge('resident_bytes', "The agent's resident memory.", [[{}, residentBytes]]),
    gauge('helper_connected', '1 if the helper is connected.', [[{}, +self.helper.connected]]),
    gauge('helper_healthy', '1 if the helper has no complaint.', [
      [{}, +(self.helper.connected && self.helper.problem === null)],
    ]),
    gauge('certificate_seconds_left', "Until this host's certificate runs out.", [
      [{}, secondsLeft],
    ]),
    gauge('gossip_neighbours', 'Members to which a gossip link stands.', [
      [{}, self.neighbours.length],
    ]),
    gauge('nat_info', "What this host's NAT does; always 1.", [[{ mapping, filtering }, 1]]),
    gauge('port_mapped', '1 if the router forwards a port to this host.', [
      [{}, portMapping === null ? 0 : 1],
    ]),
    gauge(
      'members',
      'Other members, by whether they live.',
      LIVENESS.map((liveness): Value => [{ liveness }, count((one) => one.liveness === liveness)]),
    ),
    gauge('hubs', 'Other members that relay.', [[{}, count(({ hub }) => hub)]]),
    gauge(
      'peers',
      'Peers, by the kind of path that carries traffic.',
      PATH_KINDS.map((path): Value => [{ path }, count((one) => one.path.kind === path)]),
    ),
    gauge('direct_ratio', 'Share of reached peers that are direct: how often NATs were punched.', [
      [{}, reached === 0 ? null : direct / reached],
    ]),
    counter(
      'events_total',
      'What happened since the agent started, by kind.',
      Array.from(eventCounts, ([kind, times]): Value => [{ kind }, times]),
    ),
  ]
}

function relayMetrics({ relayed }: Measured): Metric[] {
  return [
    counter('relayed_packets_total', 'Packets of others that this host passed on as a hub.', [
      [{}, relayed?.frames],
    ]),
    counter('relayed_bytes_total', 'The same in bytes, headers included.', [[{}, relayed?.bytes]]),
    counter('relay_dropped_total', 'Such packets that found no way on, or came too fast.', [
      [{}, relayed?.dropped],
    ]),
    counter('relay_refused_total', 'Such packets that were wrong, or from somebody unknown.', [
      [{}, relayed?.refused],
    ]),
  ]
}

function controlMetrics({ control }: Measured): Metric[] {
  const each = (counts: ControlCounts['said']) =>
    PRIORITIES.map((priority): Value => [{ priority }, counts[priority]])
  return [
    counter(
      'control_messages_total',
      'Messages of the control plane said to neighbours, by priority.',
      each(control.said),
    ),
    gauge('control_waiting', 'Such messages that wait to be said.', each(control.waiting)),
    counter('control_lost_total', 'Such messages that found no room or were never acknowledged.', [
      [{}, control.lost],
    ]),
  ]
}

function peerMetrics({ status, samplesOf }: Measured): Metric[] {
  const each = (value: (peer: PeerStatus) => number | null | undefined) =>
    status.peers.map((peer): Value => [{ peer: peer.name }, value(peer)])
  const rtts = new Map(
    status.peers.map(({ nodeId }) => [
      nodeId,
      samplesOf(nodeId).flatMap(({ rttMs }) => (rttMs === null ? [] : [rttMs / 1_000])),
    ]),
  )
  const of = (peer: PeerStatus) => rtts.get(peer.nodeId) ?? []
  return [
    gauge(
      'peer_up',
      '1 if a path to the peer carries traffic.',
      each(({ path }) => +(path.kind !== 'none')),
    ),
    gauge(
      'peer_direct',
      '1 if that path is direct.',
      each(({ path }) => +(path.kind === 'direct')),
    ),
    gauge(
      'peer_backups',
      'Armed paths behind it.',
      each(({ backups }) => backups.length),
    ),
    gauge(
      'peer_rtt_seconds',
      'Round trip inside the session, last measured.',
      each((peer) => seconds(peer.sessionRttMs ?? peer.path.rttMs)),
    ),
    gauge(
      'peer_rtt_average_seconds',
      'Average of the last ten minutes.',
      each((peer) => average(of(peer))),
    ),
    gauge(
      'peer_rtt_p99_seconds',
      '99 of 100 round trips of the last ten minutes were shorter.',
      each((peer) => quantile(of(peer), 0.99)),
    ),
    gauge(
      'peer_loss_ratio',
      'Share of probes lost on the path in use.',
      each(({ path }) => (path.lossPct === null ? null : path.lossPct / 100)),
    ),
    gauge(
      'peer_quality',
      'From 0 (not reached) to 1, out of loss, round trip and kind of path.',
      each(quality),
    ),
    counter(
      'peer_received_bytes_total',
      'Received from the peer.',
      each(({ rxBytes }) => rxBytes),
    ),
    counter(
      'peer_sent_bytes_total',
      'Sent to the peer.',
      each(({ txBytes }) => txBytes),
    ),
    counter(
      'peer_switches_total',
      'How often traffic moved to another path.',
      each(({ switches }) => switches),
    ),
    counter(
      'peer_switch_causes_total',
      'The same by cause: path-down, path-up, desired, detour-loss, detour-delay, detour-over.',
      status.peers.flatMap(({ name, switchCauses }) =>
        Object.entries(switchCauses).map(([cause, count]): Value => [{ peer: name, cause }, count]),
      ),
    ),
    gauge(
      'peer_last_gap_seconds',
      'How long at most nothing arrived at the last switch.',
      each(({ lastSwitch }) => seconds(lastSwitch?.gapMs)),
    ),
  ]
}

/** 1 for a near, direct path without loss; 300 ms halve it, so do 5 % of loss, and a detour takes a tenth. */
export function quality({ path, sessionRttMs }: Pick<PeerStatus, 'path' | 'sessionRttMs'>): number {
  if (path.kind === 'none') return 0
  const rttMs = sessionRttMs ?? path.rttMs ?? 0
  const byRtt = 300 / (300 + rttMs)
  const byLoss = 5 / (5 + (path.lossPct ?? 0))
  return byRtt * byLoss * (path.kind === 'direct' ? 1 : 0.9)
}

const gauge = (name: string, help: string, values: readonly Value[]): Metric => ({
  name: `meshgate_${name}`,
  kind: 'gauge',
  help,
  values,
})

const counter = (name: string, help: string, values: readonly Value[]): Metric => ({
  ...gauge(name, help, values),
  kind: 'counter',
})

function textOf({ name, kind, help, values }: Metric): string {
  const lines = values.flatMap(([labels, value]) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return []
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`)
    return [`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`]
  })
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines].join('\n')
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function seconds(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : ms / 1_000
}

function average(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, one) => sum + one, 0) / values.length
}
